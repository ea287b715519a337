import type { CallPoint, SessionPoint } from './data'

/** Where a chart is drawn. */
export interface Frame {
  readonly width: number
  readonly height: number
  /** What is at its right edge, s, and at its upper edge. */
  readonly seconds: number
  readonly most: number
}

/** The path of a line in steps: each count holds until the next. */
export function sessionsPath(points: readonly SessionPoint[], frame: Frame): string {
  const y = (count: number) => round(frame.height * (1 - count / frame.most))
  const steps = points.map(([second, count], at) => {
    const x = round((second / frame.seconds) * frame.width)
    return at === 0 ? `M${x} ${y(count)}` : `H${x}V${y(count)}`
  })
  return `${steps.join('')}H${frame.width}`
}

/** The path of dots, for a round line cap: a call's time upwards, by its logarithm from 1 ms on. */
export function callsPath(points: readonly CallPoint[], frame: Frame): string {
  return points
    .map(([second, millis]) => {
      const x = round((second / frame.seconds) * frame.width)
      const y = round(frame.height * (1 - Math.log10(Math.max(1, millis)) / Math.log10(frame.most)))
      return `M${x} ${y}h.01`
    })
    .join('')
}

/** Text as it may stand in XML. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
