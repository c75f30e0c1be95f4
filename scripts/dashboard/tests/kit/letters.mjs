/** Dead letters on the page. */

/** @import { Page } from "playwright-core" */

/** @param {Page} page */
export const groups = (page) => page.getByRole("table", { name: "By reason" });

/** @param {Page} page */
export const list = (page) => page.getByRole("table", { name: /dead letters?, the newest first/ });

/** The names of the letters listed. @param {Page} page */
export const names = (page) => list(page).getByRole("rowheader").allInnerTexts();
