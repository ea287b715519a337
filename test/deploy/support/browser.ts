import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const executablePath = '/usr/bin/chromium'
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']
const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync']

/** What keeps tests from driving a browser, if something does. */
export const browserMissing = existsSync(executablePath) ? undefined : `no ${executablePath} (apt-get install chromium)`

/** Starts the system's Chromium, which asks nobody for anything by itself. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: [...args, ...quiet] })
}
