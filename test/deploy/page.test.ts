import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LocalService, startLocalService } from '../../infra/local/service'
import { describeUnless } from '../support/requirements'
import { browserMissing, startBrowser } from './support/browser'

/** The browser's, as far as it is used in there. */
declare class MutationObserver {
  constructor(callback: () => void)
  observe(target: unknown, options: object): void
}

/** Where to leave a picture for the docs: PG_THAW_SCREENSHOT=docs/local.png */
const picture = process.env.PG_THAW_SCREENSHOT

describeUnless(browserMissing, 'the page of npm run local, in a browser', () => {
  let service: LocalService
  let browser: Browser
  let page: Page
  const complaints: string[] = []
  const requests: string[] = []

  beforeAll(async () => {
    service = await startLocalService({ port: 0 })
    browser = await startBrowser()
    page = await browser.newPage({ viewport: { width: 1180, height: 1180 }, colorScheme: 'light' })
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(service.url)
    await page.locator('#link', { hasText: 'live' }).waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    await service?.close()
  })

  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  const orders = () => page.locator('[data-function="orders"] .environment')
  const rowOf = (pid: string) => page.locator('#sessions tr', { hasText: `orders ${pid}` })

  /** The states that a card goes through from now on, as somebody sees them. */
  async function watch(card: Locator): Promise<() => Promise<string[]>> {
    const states = await card.evaluateHandle((element) => {
      const seen: (string | null)[] = []
      new MutationObserver(() => {
        const state = element.getAttribute('data-state')
        if (seen.at(-1) !== state) seen.push(state)
      }).observe(element, { attributes: true, attributeFilter: ['data-state'] })
      return seen
    })
    return async () => (await states.jsonValue()) as string[]
  }

  it('shows an environment that starts, and is frozen without a session as long as it is cold', async () => {
    await press('Place an order')
    await expect
      .poll(() => page.locator('#answer').textContent(), { timeout: 30_000 })
      .toMatch(/^201 in \d+ ms \{"id":"1"\}$/)
    await orders().and(page.locator('[data-state="frozen"]')).waitFor()
    expect(await orders().count()).toBe(1)
    expect(await orders().locator('.facts').textContent()).toMatch(/^pid \d+ · 1 call$/)
    expect(await orders().locator('.held').textContent()).toMatch(/^no session, idle /)
    expect(await page.locator('#no-sessions').isVisible()).toBe(true)
  })

  it('shows that it runs and is frozen again, and the session that it keeps', async () => {
    const states = await watch(orders())
    await press('Place an order')
    await expect.poll(states).toEqual(['running', 'frozen'])
    expect(await orders().locator('.facts').textContent()).toMatch(/ 2 calls$/)
    const pid = (await orders().getAttribute('data-pid')) ?? ''
    await expect.poll(() => rowOf(pid).getAttribute('data-state')).toBe('idle')
    expect(await rowOf(pid).textContent()).toMatch(/idlefor \d+(\.\d)? s$/)
    expect(await page.locator('#session-count').textContent()).toBe('1')
  })

  it('shows a burst as many environments', async () => {
    await press('8 orders at once')
    await expect.poll(() => page.locator('#answer').textContent(), { timeout: 30_000 }).toMatch(/^200 /)
    await expect.poll(() => orders().and(page.locator('[data-state="frozen"]')).count()).toBe(8)
    await press('8 orders at once')
    await expect.poll(() => page.locator('#session-count').textContent(), { timeout: 30_000 }).toBe('8')
  })

  it('shows that one which is retired takes its session along', async () => {
    const card = orders().nth(1)
    const [id, pid] = await Promise.all([card.getAttribute('data-environment'), card.getAttribute('data-pid')])
    await card.getByRole('button', { name: 'Retire' }).click()
    const gone = page.locator(`[data-environment="${id}"][data-state="gone"]`)
    await gone.waitFor()
    await expect.poll(() => gone.locator('.held').textContent()).toBe('said goodbye')
    await expect.poll(() => rowOf(pid ?? '').count()).toBe(0)
  })

  it('shows that one which is killed leaves its session to the lease', async () => {
    const card = orders().nth(1)
    const [id, pid] = await Promise.all([card.getAttribute('data-environment'), card.getAttribute('data-pid')])
    await card.getByRole('button', { name: 'Kill' }).click()
    const gone = page.locator(`[data-environment="${id}"][data-state="gone"]`)
    await gone.waitFor()
    await expect.poll(() => gone.locator('.held').textContent()).toBe('killed, without a word, left 1 session')
    await expect.poll(() => rowOf(pid ?? '').getAttribute('data-orphan')).toBe('true')
    expect(await rowOf(pid ?? '').textContent()).toContain(`orders ${pid} is gone`)
  })

  it('shows the queue, and what comes back', async () => {
    await press('Fulfil the last orders')
    await expect.poll(() => page.locator('#calls').textContent(), { timeout: 30_000 }).toContain('fulfilOrders')
    await press('Send a bad message')
    await expect.poll(() => page.locator('#waiting').textContent()).toBe('1')
    await expect.poll(() => page.locator('#calls').textContent()).toContain('messages come back')
    await press('Daily report')
    await expect.poll(() => page.locator('#answer').textContent(), { timeout: 30_000 }).toMatch(/"ordered":\d+/)
    await press('Place an order')
    await orders().and(page.locator('[data-state="running"]')).waitFor()
    if (picture === undefined) return
    for (const name of ['Lose packets', 'Leave an await out', 'Restart the database']) {
      await press(name)
      await page.locator('#calls .well', { hasText: name }).first().waitFor()
    }
    await page.locator('#span').selectOption('20')
    const clip = { x: 0, y: 0, width: 1180, height: 1180 }
    await page.screenshot({ path: picture, fullPage: true, clip })
  })

  it('asks nobody but the service, and complains of nothing', () => {
    expect(complaints).toEqual([])
    expect(requests.filter((url) => !url.startsWith(service.url) && !url.startsWith('data:'))).toEqual([])
  })
})
