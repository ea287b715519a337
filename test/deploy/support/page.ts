import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'

/** The browser's, as far as they are used in there. */
declare const axe: { run(options: object): Promise<AxeResults> }
declare const document: { readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number } }
interface Rendered {
  readonly scrollWidth: number
  readonly clientWidth: number
}

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const STANDARDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Widths and colours that the page has to do with. */
export const looks = [
  { width: 1280, height: 1000, colorScheme: 'light' },
  { width: 1280, height: 1000, colorScheme: 'dark' },
  { width: 360, height: 740, colorScheme: 'light' },
  { width: 360, height: 740, colorScheme: 'dark' },
] as const

export type Look = (typeof looks)[number]

/** Opens the page, and waits until it is told what happens. */
export async function openPage(browser: Browser, url: string, look: Look): Promise<Page> {
  const { width, height, colorScheme } = look
  const page = await browser.newPage({ viewport: { width, height }, colorScheme })
  await page.goto(url)
  await page.locator('#link', { hasText: 'live' }).waitFor()
  return page
}

/** Presses a button as somebody without a mouse does. */
export async function pressByKeyboard(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).focus()
  await page.keyboard.press('Enter')
}

/** How far the page is wider than it may be, px, and whose text is cut off. */
export async function overflows(page: Page): Promise<{ readonly beyond: number; readonly cut: readonly string[] }> {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  const cut = await page
    .locator('button, td, th, h2, #answer, #calls li, .environment div, .legend li, #faults small')
    .evaluateAll((all) =>
      all
        .filter((it) => (it as unknown as Rendered).scrollWidth > (it as unknown as Rendered).clientWidth + 1)
        .map((it) => `${it.tagName} ${it.className}: ${it.textContent}`),
    )
  return { beyond, cut }
}

/** The buttons that have no name. */
export async function namelessButtons(page: Page): Promise<number> {
  const names = await Promise.all(
    (await page.getByRole('button').all()).map(
      async (button) => (await button.getAttribute('aria-label')) ?? (await button.textContent()) ?? '',
    ),
  )
  return names.filter((name) => name.trim() === '').length
}

/** What axe finds against the standards. */
export async function violations(page: Page): Promise<readonly unknown[]> {
  await page.addScriptTag({ path: axePath })
  const found = await page.evaluate((values) => axe.run({ runOnly: { type: 'tag', values } }), STANDARDS)
  return found.violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])])
}
