// What every page gains from a script. Without it each of these still works as plain HTML.

import { copyButtons } from "./copy.js";
import { formWarnings } from "./forms.js";
import { savePictures } from "./picture.js";
import { keyboard } from "./keyboard.js";
import { navigation } from "./navigation.js";
import { palette } from "./palette.js";
import { languages } from "./languages.js";
import { openTabs } from "./tabs.js";
import { localTimes } from "./times.js";
import { themeSwitch } from "./theme.js";
import { diagramTools } from "./tools.js";
import { touring } from "./touring.js";
import { inPlaceNavigation } from "./visit.js";

themeSwitch();
copyButtons();
formWarnings();
diagramTools();
inPlaceNavigation();
palette();
savePictures();
touring();
languages();
navigation();
keyboard();
localTimes(document);
openTabs();
document.addEventListener("playground:morphed", () => {
  localTimes(document);
  openTabs();
});
