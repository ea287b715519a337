import { type Contender, contenders, titles } from '../contenders/contender'
import { callsPath, escaped, type Frame, sessionsPath } from './chart'
import type { DemoData, PlayedAct } from './data'
import { marks, noLead } from './table'

/** Its plots are stretched to the width of the page; what is to be read stands beside them, not in them. */
const plot = { width: 1000, height: 100 }

const slowestMillis = 10_000

/** The whole run as one file of HTML, which loads nothing. */
export function page(data: DemoData): string {
  const most = Math.max(1, ...contenders.flatMap((contender) => data.sessions[contender].map(([, count]) => count)))
  const frame: Frame = { ...plot, seconds: data.seconds, most }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pg-thaw: the demo</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>What a freeze does to connections</h1>
<p>Measured on ${escaped(data.day)} with ${escaped(data.server)} and Node.js ${escaped(data.node)}, in ${Math.round(data.seconds)} s: the same code with four ways to hold connections.</p>
<h2>The acts</h2>
${verdicts(data)}
${noLead(data)
  .map((sentence) => `<p>${escaped(sentence)}</p>`)
  .join('\n')}
<h2>Sessions at the server</h2>
<p>From 0 to ${most}, over ${Math.round(data.seconds)} s. The numbers are the acts.</p>
${contenders.map((contender) => sessions(contender, data, frame)).join('\n')}
<h2>Time of each call</h2>
<p>From 1 ms to ${slowestMillis / 1000} s, by its logarithm, a cold start included. A red dot is a call that failed.</p>
${contenders.map((contender) => calls(contender, data, { ...frame, most: slowestMillis })).join('\n')}
</main>
</body>
</html>
`
}

function verdicts({ acts }: DemoData): string {
  const rows = acts.map(({ title, outcomes }, at) => {
    const cells = contenders.map((contender) => {
      const { grade, words } = outcomes[contender]
      const text = `<b>${titles[contender]}</b> <span class="mark">${marks[grade]}</span> ${escaped(words)}`
      return `<td class="${grade}">${text}</td>`
    })
    return `<tr><th scope="row">${at + 1}. ${escaped(title)}</th>${cells.join('')}</tr>`
  })
  const heads = contenders.map((contender) => `<th scope="col">${titles[contender]}</th>`).join('')
  return `<table>
<thead><tr><th scope="col">act</th>${heads}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`
}

function sessions(contender: Contender, data: DemoData, frame: Frame): string {
  const points = data.sessions[contender]
  const most = Math.max(...points.map(([, count]) => count))
  const path = `<path class="line" d="${sessionsPath(points, frame)}"/>`
  return figure(`${titles[contender]}: ${most} at the most`, path, data.acts, frame)
}

function calls(contender: Contender, data: DemoData, frame: Frame): string {
  const points = data.calls[contender]
  const failed = points.filter(([, , answered]) => !answered)
  const answered = points.filter(([, , answered]) => answered)
  const paths = `<path class="dots" d="${callsPath(answered, frame)}"/><path class="dots bad" d="${callsPath(failed, frame)}"/>`
  return figure(`${titles[contender]}: ${points.length} calls, ${failed.length} failed`, paths, data.acts, frame)
}

function figure(caption: string, paths: string, acts: readonly PlayedAct[], frame: Frame): string {
  const percent = (second: number) => Math.round((second / frame.seconds) * 10_000) / 100
  const bands = acts.map(({ from, to }, at) => {
    const x = percent(from) * (frame.width / 100)
    return at % 2 === 0
      ? `<rect class="band" x="${x}" width="${percent(to - from) * (frame.width / 100)}" height="100"/>`
      : ''
  })
  const names = acts.map(({ title, from, to }, at) => {
    const text = `<abbr title="${escaped(title)}">${at + 1}</abbr>`
    return `<span style="left:${percent((from + to) / 2)}%">${text}</span>`
  })
  return `<figure>
<figcaption>${escaped(caption)}</figcaption>
<svg viewBox="0 0 ${frame.width} ${frame.height}" preserveAspectRatio="none" role="img" aria-label="${escaped(caption)}">${bands.join('')}${paths}</svg>
<div class="acts">${names.join('')}</div>
</figure>`
}

const style = `
:root { color-scheme: light dark; --ink: #1f2328; --paper: #fff; --band: #eef1f4; --edge: #d1d9e0; --line: #0969da; --holds: #116329; --costs: #7d4e00; --fails: #a40e26; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --band: #1c232c; --edge: #3d444d; --line: #58a6ff; --holds: #56d364; --costs: #e3b341; --fails: #ff7b72; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--edge); padding: .4rem .5rem; text-align: left; vertical-align: top; font-weight: normal; }
thead th, tbody th { font-weight: 600; }
td b { display: none; }
.holds .mark { color: var(--holds); } .costs { color: var(--costs); } .fails { color: var(--fails); }
figure { margin: 1rem 0; }
figcaption { margin-bottom: .25rem; }
svg { display: block; width: 100%; height: 5rem; border-bottom: 1px solid var(--edge); overflow: visible; }
.band { fill: var(--band); }
.line, .dots { fill: none; stroke: var(--line); vector-effect: non-scaling-stroke; stroke-width: 1.5; }
.dots { stroke-linecap: round; stroke-width: 4; } .dots.bad { stroke: var(--fails); }
.acts { position: relative; height: 1.2rem; font-size: .7rem; }
.acts span { position: absolute; transform: translateX(-50%); }
abbr { text-decoration: none; }
@media (max-width: 45rem) {
  thead { display: none; }
  tr, th, td { display: block; } tbody th { border: 0; padding-top: 1rem; }
  td b { display: inline; color: var(--ink); }
}
`
