/** What is on a page, found as its readers find it. */

/** @import { Locator, Page } from "playwright-core" */

/** The value of a term in a list of facts, `out /s` for instance. @param {Locator} within @param {string} term */
export const fact = (within, term) =>
  within
    .locator("dl > div")
    .filter({ has: within.page().getByRole("term").getByText(term, { exact: true }) })
    .getByRole("definition");

/** What the page says of an action that was done. @param {Page} page @param {string | RegExp} text */
export const told = (page, text) => page.getByRole("status").getByText(text).waitFor();

/** A dialog's own button. @param {Page} page @param {string} dialog @param {string} name */
export const press = (page, dialog, name) =>
  page.getByRole("dialog", { name: dialog }).getByRole("button", { name, exact: true }).click();
