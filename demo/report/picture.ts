import { contenders, titles } from '../contenders/contender'
import { escaped, type Frame, sessionsPath } from './chart'
import type { DemoData } from './data'
import { marks } from './table'

const width = 880
const actWidth = 204
const cellWidth = (width - actWidth) / contenders.length
const lineHeight = 15
/** Characters that fit into a cell, at the size of its text. */
const cellCharacters = 24
const actCharacters = 24

/** The picture of the README: the verdicts, and each contender's sessions over the run. The same data give the same picture. */
export function picture(data: DemoData): string {
  const parts: string[] = []
  let y = 24
  for (const [column, contender] of contenders.entries()) {
    parts.push(text(actWidth + column * cellWidth, y, titles[contender], 'head'))
  }
  y += 12
  for (const [at, { title, outcomes }] of data.acts.entries()) {
    const titleLines = wrapped(`${at + 1}. ${title}`, actCharacters)
    const cells = contenders.map((contender) => {
      const { grade, words } = outcomes[contender]
      return { grade, lines: wrapped(`${marks[grade]} ${words}`, cellCharacters) }
    })
    const lines = Math.max(titleLines.length, ...cells.map((cell) => cell.lines.length))
    const height = lines * lineHeight + 10
    parts.push(`<rect class="row${at % 2}" y="${y}" width="${width}" height="${height}"/>`)
    parts.push(...titleLines.map((line, nth) => text(8, y + 16 + nth * lineHeight, line, 'act')))
    for (const [column, { grade, lines }] of cells.entries()) {
      const x = actWidth + column * cellWidth
      parts.push(...lines.map((line, nth) => text(x, y + 16 + nth * lineHeight, line, grade)))
    }
    y += height
  }
  y += 22
  parts.push(text(8, y, 'Sessions at the server', 'act'), text(8, y + lineHeight, 'over the run', 'act'))
  const most = Math.max(1, ...contenders.flatMap((contender) => data.sessions[contender].map(([, count]) => count)))
  const frame: Frame = { width: cellWidth - 16, height: 48, seconds: data.seconds, most }
  for (const [column, contender] of contenders.entries()) {
    const path = `<path d="${sessionsPath(data.sessions[contender], frame)}"/>`
    parts.push(`<g transform="translate(${actWidth + column * cellWidth} ${y - 12})">${path}</g>`)
  }
  y += 60
  const made = `Measured on ${data.day} with ${data.server} and Node.js ${data.node}, in ${Math.round(data.seconds)} s: npm run demo`
  parts.push(text(8, y, made, 'made'))
  y += 12
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img" aria-labelledby="title">
<title id="title">Four ways to hold connections on Lambda, and what becomes of them</title>
<style>${style}</style>
<rect class="paper" width="${width}" height="${y}" rx="6"/>
${parts.join('\n')}
</svg>
`
}

function text(x: number, y: number, content: string, kind: string): string {
  return `<text class="${kind}" x="${x}" y="${y}">${escaped(content)}</text>`
}

/** Lines of whole words, of so many characters at the most. */
export function wrapped(words: string, characters: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of words.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > characters) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

const style = `
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
.head, .act { font-weight: 600; } .made { font-size: 11px; }
.holds { fill: #116329; } .costs { fill: #7d4e00; } .fails { fill: #a40e26; }
.paper, .row1 { fill: #fff; } .row0 { fill: #f6f8fa; }
path { fill: none; stroke: #0969da; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .holds { fill: #56d364; } .costs { fill: #e3b341; } .fails { fill: #ff7b72; }
  .paper, .row1 { fill: #0d1117; } .row0 { fill: #161b22; } path { stroke: #58a6ff; }
}
`
