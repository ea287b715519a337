import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { installPackage, type Project } from '../package/support/project'
import { createDatabase, type TestDatabase } from '../support/database'
import { describeUnless } from '../support/requirements'
import { browserMissing, startBrowser } from './support/browser'
import { looks, namelessButtons, openPage, overflows, pressByKeyboard, violations } from './support/page'
import { freePort, saying } from './support/program'
import { shell } from './support/shell'

/** Where to leave a picture for the docs: PG_THAW_SCREENSHOT=docs/local-beside.png */
const picture = process.env.PG_THAW_SCREENSHOT
/** Where to leave pictures, to be looked at: a directory. */
const pictures = process.env.PG_THAW_PICTURES

const HANDLER = `
import { createPool, wrapHandler } from 'pg-thaw'
const pool = createPool({ connectionString: process.env.DATABASE_URL, max: 1 })
export const handler = wrapHandler(async ({ n = 1 }) => (await pool.query('SELECT $1::int AS n', [n])).rows[0])
`

for (const look of looks) {
  describeUnless(browserMissing, `the page of npx pg-thaw local at ${look.width} px, ${look.colorScheme}`, () => {
    let database: TestDatabase
    let project: Project
    let local: ChildProcess
    let browser: Browser
    let page: Page

    beforeAll(async () => {
      const port = await freePort()
      ;[database, project, browser] = await Promise.all([createDatabase(), installPackage(), startBrowser()])
      project.write('dist/orders.mjs', HANDLER)
      const typed = 'npx pg-thaw local dist/orders.handler --database postgres://shop:secret@localhost:5432/shop'
      const command = `${typed.replace(/postgres:.*/, database.url)} --port ${port}`
      // A group of its own: a Ctrl-C goes to all of it.
      local = spawn('sh', ['-c', command], { cwd: project.directory, detached: true })
      await saying(local, 'Ctrl-C ends it')
      page = await openPage(browser, `http://localhost:${port}`, look)
    })
    afterAll(async () => {
      await browser?.close()
      if (local?.pid !== undefined && local.exitCode === null) {
        const ended = once(local, 'close')
        process.kill(-local.pid, 'SIGINT')
        await ended
      }
      project?.[Symbol.dispose]()
      await database?.dispose()
    })

    const answer = () => page.locator('#answer').textContent()
    const url = () => new URL(page.url()).origin
    /** Of a row of the comparison: calls, failures, sessions. */
    const compared = async (side: string) =>
      (await page.locator(`#comparison tr[data-side="${side}"] td`).allTextContents()).slice(0, 3).map(Number)
    const both = async () => ({ 'pg-thaw': await compared('pg-thaw'), 'pg.Pool': await compared('pg.Pool') })
    const call = async () => {
      await page.locator('#answer').evaluate((element) => element.replaceChildren())
      await pressByKeyboard(page, 'Call orders')
      await expect.poll(answer, { timeout: 15_000 }).toMatch(/^200 in \d+ ms \{"n":1\}$/)
    }

    it('says what it watches', async () => {
      await expect
        .poll(() => page.locator('#about').textContent())
        .toContain(`the database ${database.config.database} at 127.0.0.1`)
      expect(await page.content()).not.toContain(database.config.password)
      expect(await page.locator('#part-queue').isVisible()).toBe(false)
    })

    it('calls the function, and shows its lane and its session', async () => {
      await call()
      await call()
      const lane = page.locator('#timeline [data-of="orders"]')
      await expect.poll(() => lane.getAttribute('data-states')).toMatch(/^starting .*running frozen$/)
      await expect.poll(() => page.locator('#session-count').textContent()).toBe('1')
      await expect.poll(() => page.locator('#about-sessions').textContent()).toMatch(/^of at most \d+/)
    })

    it('is called by whoever asks for it', async () => {
      const typed = `curl http://localhost:3000/invoke/orders --json '{"n":7}'`
      const { stdout } = await shell(typed.replace('http://localhost:3000', url()))
      expect(JSON.parse(stdout)).toEqual({ n: 7 })
    })

    it('shows the same calls with pg.Pool beside, and which of them failed', async () => {
      await pressByKeyboard(page, 'Beside pg.Pool')
      const toggle = page.getByRole('button', { name: 'Beside pg.Pool', exact: true })
      await expect.poll(() => toggle.getAttribute('aria-pressed'), { timeout: 15_000 }).toBe('true')
      await call()
      await expect.poll(both, { timeout: 15_000 }).toEqual({ 'pg-thaw': [1, 0, 1], 'pg.Pool': [1, 0, 1] })
      await call()
      await expect.poll(both, { timeout: 15_000 }).toEqual({ 'pg-thaw': [2, 0, 1], 'pg.Pool': [2, 0, 1] })
      await pressByKeyboard(page, 'End all sessions')
      const says = /ended; the next call of orders: response in \d+ ms; with pg\.Pool: error in \d+ ms$/
      await expect.poll(answer, { timeout: 15_000 }).toMatch(says)
      await expect.poll(both, { timeout: 15_000 }).toEqual({ 'pg-thaw': [3, 0, 1], 'pg.Pool': [3, 1, 0] })
      await page.locator('#timeline [data-side="pg.Pool"] .failed').first().waitFor({ state: 'attached' })
      await page.locator('#timeline [data-side="pg-thaw"] .lost').first().waitFor({ state: 'attached' })
    })

    it('fits, has a name for every control, and passes axe with both sides on it', async () => {
      expect(await overflows(page)).toEqual({ beyond: 0, cut: [] })
      expect(await namelessButtons(page)).toBe(0)
      expect(await violations(page)).toEqual([])
      const path = `${pictures}/local-${look.width}-${look.colorScheme}.png`
      if (pictures) await page.screenshot({ path, fullPage: true })
      if (picture && look === looks[0]) {
        await call()
        await page.locator('#sessions tr[data-side="pg.Pool"]').waitFor()
        await page.locator('#span').selectOption('20')
        await page.screenshot({ path: picture, clip: { x: 0, y: 0, width: 1280, height: 700 } })
      }
    })

    it('goes back to one side', async () => {
      await pressByKeyboard(page, 'Beside pg.Pool')
      await page.locator('#part-beside').waitFor({ state: 'hidden' })
      await expect.poll(() => page.locator('.environment[data-side="pg.Pool"]').count()).toBe(0)
    })
  })
}
