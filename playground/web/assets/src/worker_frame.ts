// Runs in a frame without an origin. Each task gets a worker of its own, which can be stopped when
// the program in it does not end.

interface Work {
  id: string;
  program: string;
  input: unknown;
  patienceMs: number;
}

const BODY = `onmessage = async (event) => {
  const { program, input } = event.data;
  const AsyncFunction = (async () => {}).constructor;
  try {
    const output = await new AsyncFunction("input", program)(input);
    postMessage({ output: JSON.parse(JSON.stringify(output ?? {})) });
  } catch (error) {
    postMessage({ problem: String(error && error.message || error) });
  }
};`;
const address = URL.createObjectURL(new Blob([BODY], { type: "text/javascript" }));

addEventListener("message", (event: MessageEvent<Work>) => {
  if (event.source !== parent) return;
  const { id, program, input, patienceMs } = event.data;
  const worker = new Worker(address);
  const answer = (outcome: object) => {
    clearTimeout(waiting);
    worker.terminate();
    parent.postMessage({ id, ...outcome }, "*");
  };
  const waiting = setTimeout(() => answer({ problem: "The program took too long" }), patienceMs);
  worker.onmessage = (result) => answer(result.data);
  worker.onerror = (error) => answer({ problem: error.message || "The program cannot be read" });
  worker.postMessage({ program, input });
});
