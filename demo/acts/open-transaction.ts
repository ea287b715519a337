import type { Act } from './act'

const inserts = 3

/** A way out of a transaction without COMMIT; then calls insert, are told that it is done, and the environment ends. */
export const openTransaction: Act = {
  name: 'open-transaction',
  title: 'BEGIN without COMMIT, then other inserts',
  play: async (stage) => {
    await stage.call({ does: 'read' })
    await stage.call({ does: 'read' })
    await stage.call({ does: 'forget-commit', key: 0 })
    let acknowledged = 0
    for (let key = 1; key <= inserts; key++) {
      const { outcome } = await stage.call({ does: 'write', key })
      if (outcome === 'response') acknowledged++
    }
    await stage.lambda.vanish()
    await stage.user.endSessions()
    const found = await stage.user.countNotes()
    const lost = acknowledged - found
    const words =
      lost > 0
        ? `${lost} of ${acknowledged} acknowledged inserts are lost`
        : `${found} of ${acknowledged} acknowledged inserts are there`
    const grade = lost > 0 || acknowledged < inserts ? 'fails' : 'holds'
    return { grade, words, facts: { inserts, acknowledged, found } }
  },
}
