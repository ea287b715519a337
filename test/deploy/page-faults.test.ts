import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalService, startLocalService } from '../../infra/local/service'
import { describeUnless } from '../support/requirements'
import { browserMissing, startBrowser } from './support/browser'
import { type Look, looks, namelessButtons, openPage, overflows, pressByKeyboard, violations } from './support/page'

/** Where to leave pictures, to be looked at: a directory. */
const pictures = process.env.PG_THAW_PICTURES

let service: LocalService | undefined
let browser: Browser | undefined

beforeAll(async () => {
  if (browserMissing !== undefined) return
  ;[service, browser] = await Promise.all([startLocalService({ port: 0 }), startBrowser()])
})
afterAll(async () => {
  await browser?.close()
  await service?.close()
})

function open(look: Look): Promise<Page> {
  if (browser === undefined || service === undefined) throw new Error('bug: nothing was started')
  return openPage(browser, service.url, look)
}

/** What a fault says in the list of what happened, the newest first. */
const shown = (page: Page, text: RegExp) =>
  page.locator('#calls li', { hasText: text }).first().waitFor({ timeout: 30_000 })

const faults: { name: string; fault: string; says: RegExp; lane: string | undefined }[] = [
  { name: 'End all sessions', fault: 'end-sessions', says: /sessions? ended; the next order: 201/, lane: '.lost' },
  { name: 'Lose packets', fault: 'lose-packets', says: /packets are lost; the next order: 201/, lane: '.lost' },
  {
    name: 'Rotate the password',
    fault: 'rotate-password',
    says: /another password.*; the next order: 201/,
    lane: '.lost',
  },
  {
    name: 'Restart the database',
    fault: 'restart-database',
    says: /was restarted; the next order: 201/,
    lane: undefined,
  },
  {
    name: 'Run a slow query',
    fault: 'slow-query',
    says: /the call fails .*; the next call: response/,
    lane: '.failed',
  },
  {
    name: 'Leak a client',
    fault: 'leaked-client',
    says: /the call answers .*; the next call: response/,
    lane: '.unfinished',
  },
  {
    name: 'Leave an await out',
    fault: 'missing-await',
    says: /the call answers .*; the next call: response/,
    lane: '.unfinished',
  },
]

for (const look of looks) {
  describeUnless(browserMissing, `the page at ${look.width} px, ${look.colorScheme}`, () => {
    let page: Page

    beforeAll(async () => {
      page = await open(look)
    })
    afterAll(() => page?.close())

    it.each(faults)('has a button "$name", and shows what comes of it', async ({ name, fault, says, lane }) => {
      const marks = page.locator(`#timeline [data-fault="${fault}"]`)
      const signs = page.locator(`#timeline [data-lane] ${lane ?? 'text'}`)
      const [marksBefore, signsBefore] = [await marks.count(), await signs.count()]
      await page.locator('#calls').evaluate((list) => list.replaceChildren())
      await pressByKeyboard(page, name)
      await shown(page, says)
      await expect.poll(() => page.locator('#answer').textContent()).toMatch(says)
      await expect.poll(() => marks.count()).toBeGreaterThan(marksBefore)
      if (lane !== undefined) await expect.poll(() => signs.count()).toBeGreaterThan(signsBefore)
    })

    it('shows the gap that a restart leaves in the sessions', async () => {
      await page.locator('#timeline [data-down]').first().waitFor({ state: 'attached' })
    })

    it('shows lanes that start, run, are frozen and end', async () => {
      await page.getByRole('button', { name: 'Place an order' }).click()
      // One that runs can't be retired.
      await expect.poll(() => page.locator('#answer').textContent(), { timeout: 15_000 }).toMatch(/^201 in /)
      const lane = page.locator('#timeline [data-of="orders"]').last()
      await expect.poll(() => lane.getAttribute('data-states')).toMatch(/^starting .*running frozen$/)
      const card = page.locator('[data-function="orders"] .environment[data-state="frozen"]').first()
      await card.getByRole('button', { name: 'Retire' }).click()
      await page.locator('#timeline [data-of="orders"][data-states$="gone"]').first().waitFor({ state: 'attached' })
    })

    it('shows again after a reload what happened before', async () => {
      const lanes = () =>
        page.locator('#timeline [data-lane]').evaluateAll((all) => all.map((it) => it.getAttribute('data-states')))
      const marks = page.locator('#timeline [data-fault]')
      const before = await marks.count()
      await page.reload()
      await page.locator('#link', { hasText: 'live' }).waitFor()
      await expect.poll(() => marks.count()).toBe(before)
      expect(await lanes()).toContainEqual(expect.stringMatching(/^starting .*gone$/))
      await page.locator('#calls li', { hasText: 'the next order: 201' }).first().waitFor({ state: 'attached' })
    })

    it('fits: nothing is beyond the edge, and sessions can be reached', async () => {
      expect(await overflows(page)).toEqual({ beyond: 0, cut: [] })
      await page.getByRole('link', { name: 'Sessions' }).click()
      const place = () => page.locator('#part-sessions').boundingBox()
      await expect.poll(async () => (await place())?.y).toBeLessThan(look.height / 2)
      const { x, width, y } = (await place()) ?? { x: -1, width: 0, y: -1 }
      expect(y).toBeGreaterThanOrEqual(-1)
      expect(x).toBeGreaterThanOrEqual(0)
      expect(x + width).toBeLessThanOrEqual(look.width)
    })

    it('has a name for every control, and passes axe', async () => {
      expect(await namelessButtons(page)).toBe(0)
      expect(await violations(page)).toEqual([])
      if (pictures) await page.screenshot({ path: `${pictures}/${look.width}-${look.colorScheme}.png`, fullPage: true })
    })
  })
}

describe.skipIf(browserMissing !== undefined)('the page', () => {
  it('shows the same orders with pg.Pool beside, of which one fails after sessions were ended', async () => {
    const page = await open(looks[0])
    const toggle = page.getByRole('button', { name: 'Beside pg.Pool', exact: true })
    const failed = (side: string) => page.locator(`#comparison tr[data-side="${side}"] td`).nth(1).textContent()
    await toggle.click()
    await expect.poll(() => toggle.getAttribute('aria-pressed'), { timeout: 30_000 }).toBe('true')
    await page.locator('#calls').evaluate((list) => list.replaceChildren())
    await page.getByRole('button', { name: 'End all sessions', exact: true }).click()
    await shown(page, /ended; the next order: 201 in \d+ ms; with pg\.Pool: 500 in \d+ ms$/)
    await expect.poll(() => failed('pg.Pool')).toBe('1')
    expect(await failed('pg-thaw')).toBe('0')
    await page
      .locator('#timeline [data-of="orders"][data-side="pg.Pool"] .failed')
      .first()
      .waitFor({ state: 'attached' })
    await toggle.click()
    await page.locator('#part-beside').waitFor({ state: 'hidden', timeout: 30_000 })
    await page.close()
  })

  it('says that the database does not answer, and goes on when it is back', async () => {
    const page = await open(looks[0])
    await page.locator('#calls').evaluate((list) => list.replaceChildren())
    await page.getByRole('button', { name: 'Restart the database', exact: true }).click()
    await page.getByRole('status').filter({ hasText: 'The database does not answer' }).waitFor()
    await shown(page, /was restarted; the next order: 201/)
    await expect.poll(() => page.locator('#database').textContent(), { timeout: 10_000 }).toBe('')
    await page.close()
  })
})
