import { expect } from 'vitest'
import type { Examination, Patience } from '../../../src/doctor/index'

/** As the command's defaults. */
export const PATIENCE: Patience = { withinMillis: 10_000, leftAfterMillis: 300_000 }

/** What was found of a topic. */
export function about({ findings }: Examination, topic: string) {
  const found = findings.filter((it) => it.topic === topic)
  expect(found, topic).toHaveLength(1)
  return found[0]
}
