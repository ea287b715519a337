import type { Comparison } from './comparison.js'

const WIDTH = 880
const HEIGHT = 260
const MARGIN = { left: 48, right: 16, top: 16, bottom: 28 }
/** Told apart in shade as well as in hue. */
const COLOURS = ['#8a8f98', '#0b62c4', '#b25e00', '#5b2a86']
const LEGEND_HEIGHT = 22

/** Idle sessions over the time of the record, a line for each policy, as a picture that stands alone. */
export function plotOf({ rows, from, to }: Comparison): string {
  const most = Math.max(1, ...rows.flatMap(({ overTime }) => overTime))
  const [width, height] = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom]
  const line = (parts: readonly number[]) =>
    parts
      .map((sessions, at) => {
        const x = MARGIN.left + (width * (at + 0.5)) / parts.length
        const y = MARGIN.top + height * (1 - sessions / most)
        return `${at === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`
      })
      .join('')
  const axis = HEIGHT - MARGIN.bottom
  const total = HEIGHT + rows.length * LEGEND_HEIGHT
  const lines = rows.map((row, at) => {
    const colour = COLOURS[at % COLOURS.length]
    const y = HEIGHT + at * LEGEND_HEIGHT
    return `<path d="${line(row.overTime)}" fill="none" stroke="${colour}" stroke-width="1.5"/>
<path d="M${MARGIN.left} ${y}h24" stroke="${colour}" stroke-width="3"/>
<text x="${MARGIN.left + 32}" y="${y + 4}">${escaped(row.name)}: ${row.idleSessions.toFixed(2)} on average</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${total}" role="img" font-family="sans-serif" font-size="12">
<title>Idle sessions over time</title>
<rect width="${WIDTH}" height="${total}" fill="#fff"/>
<path d="M${MARGIN.left} ${MARGIN.top}V${axis}H${WIDTH - MARGIN.right}" fill="none" stroke="#444"/>
<text x="${MARGIN.left - 6}" y="${MARGIN.top + 4}" text-anchor="end">${most.toFixed(most < 10 ? 1 : 0)}</text>
<text x="${MARGIN.left - 6}" y="${axis}" text-anchor="end">0</text>
<text x="${MARGIN.left}" y="${axis + 16}">${momentOf(from)}</text>
<text x="${WIDTH - MARGIN.right}" y="${axis + 16}" text-anchor="end">${momentOf(to)}</text>
${lines.join('\n')}
</svg>
`
}

function momentOf(millis: number): string {
  return `${new Date(millis).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
