import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { processState } from './fixtures/children.js'

function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
}

it.each(['SIGKILL', 'SIGINT'] as const)('no environment outlives its parent, which ends by %s', async (signal) => {
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  const parent = spawn(process.execPath, [fixture('parent.mjs'), fixture('acts.mjs')], { stdio })
  const [line] = await once(parent.stdout, 'data')
  const listed = String(line).trim().split(', ')
  expect(listed.map((entry) => entry.split(' ')[1])).toEqual(['running', 'frozen'])
  const pids = listed.map((entry) => Number.parseInt(entry, 10))
  expect(processState(pids[1] ?? 0)).toBe('T')
  parent.kill(signal)
  await once(parent, 'exit')
  await expect.poll(() => pids.map(processState), { timeout: 5_000 }).toEqual([undefined, undefined])
})
