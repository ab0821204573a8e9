// Times come from the server in UTC; here they become the reader's own.

const sameDay = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const otherDay = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function localTimes(root: ParentNode): void {
  const today = new Date().toDateString();
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const format = at.toDateString() === today ? sameDay : otherDay;
    const text = format.format(at);
    if (element.textContent !== text) element.textContent = text;
    element.title = at.toISOString();
  }
}
