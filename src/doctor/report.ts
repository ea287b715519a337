import type { Examination } from './examine.js'
import type { Severity } from './finding.js'

const SIGNS: Readonly<Record<Severity, string>> = { ok: 'ok', note: 'note', warning: 'WARNING', error: 'ERROR' }

/** An examination as a table, with what to set as code. */
export function reportOf({ findings, options, observed, severity }: Examination): string {
  const { user, host, port, database } = observed
  const signs = Math.max(...findings.map((it) => SIGNS[it.severity].length))
  const topics = Math.max(...findings.map(({ topic }) => topic.length))
  const lines = findings.flatMap(({ topic, severity: its, found, advice }) => {
    const line = `${SIGNS[its].padEnd(signs)}  ${topic.padEnd(topics)}  ${found}`
    return advice === undefined ? [line] : [line, `${' '.repeat(signs + topics + 4)}→ ${advice}`]
  })
  const code = Object.entries(options).map(([name, value]) => `  ${name}: ${value},`)
  const isToBeSet = severity !== 'error' && code.length > 0
  const suggestion = isToBeSet ? ['', 'What to set:', '', 'createPool({', '  …', ...code, '})'] : []
  return `${[`${user}@${host}:${port}/${database}`, '', ...lines, ...suggestion].join('\n')}\n`
}
