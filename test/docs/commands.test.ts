import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Execution, executions } from './support/executions'
import { commandsOf, pages } from './support/pages'

const told = pages().flatMap((page) => commandsOf(page).map((command) => ({ command, at: page.path })))

describe('the commands of the docs', () => {
  it('are all in the table of executions, which has no others', () => {
    const unknown = told.filter(({ command }) => executions[command] === undefined && !installsWhatIsTested(command))
    expect(unknown, 'commands that test/docs/support/executions.ts does not know').toEqual([])
    const commands = new Set(told.map(({ command }) => command))
    expect(Object.keys(executions).filter((command) => !commands.has(command))).toEqual([])
  })

  const inFiles = Object.entries(executions).filter((entry): entry is [string, { in: string }] => 'in' in entry[1])

  it.each(inFiles)('%s runs where the table says', (command, { in: place }) => {
    if (command.startsWith('npx vitest run ')) {
      // `npm test` runs whatever is below test/.
      expect(place).toBe(command.slice('npx vitest run '.length))
      expect(place).toMatch(/^test\/(?!deploy)/)
      expect(existsSync(place)).toBe(true)
      return
    }
    expect(linesOf(place)).toContainEqual(expect.stringContaining(command))
  })

  it('are left out for a reason', () => {
    const reasons = Object.values(executions).flatMap((it: Execution) => ('notHere' in it ? [it.notHere] : []))
    for (const reason of reasons)
      expect(reason).toMatch(/^(needs an AWS account|needs a program that npm|comes with|takes minutes)/)
  })
})

/** Whether a command installs nothing but what the tests here work with. */
function installsWhatIsTested(command: string): boolean {
  const { name, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const [npm, install, ...names] = command.split(' ')
  return `${npm} ${install}` === 'npm install' && names.every((it) => it === name || it in devDependencies)
}

/** The lines of a file that do something. */
function linesOf(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.map((line) => line.trim().replaceAll("\\'", "'")).filter((line) => !/^(#|\/\/|\*)/.test(line))
}
