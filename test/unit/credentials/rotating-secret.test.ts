import { describe, expect, it } from 'vitest'
import { CredentialsLookupError } from '../../../src/credentials/errors'
import { type ReadVersion, rotatingSecret } from '../../../src/credentials/rotating-secret'

const secretId = 'orders/database'
const { signal } = new AbortController()

/** A secret whose versions are named by their passwords. */
function secret(versions: { AWSCURRENT: string; AWSPENDING?: string }) {
  const reads: string[] = []
  const read: ReadVersion = async (stage, { fresh }) => {
    reads.push(fresh ? `${stage} fresh` : stage)
    const text = versions[stage as keyof typeof versions]
    if (text === undefined) throw new CredentialsLookupError('CREDENTIALS_SECRET_NOT_FOUND', 'none')
    return { versionId: text, text }
  }
  const provider = rotatingSecret({ secretId, user: 'app' }, read)
  const password = async (fresh = false) => (await provider({ fresh, signal })).password
  return { versions, reads, password }
}

describe('a secret that rotates', () => {
  it('is read in its current version, and no other as long as that is right', async () => {
    const { password, reads } = secret({ AWSCURRENT: 'one', AWSPENDING: 'two' })
    expect([await password(), await password()]).toEqual(['one', 'one'])
    expect(reads).toEqual(['AWSCURRENT', 'AWSCURRENT'])
  })

  it('is read in its new version after the old one was refused', async () => {
    const { versions, password, reads } = secret({ AWSCURRENT: 'one' })
    await password()
    versions.AWSCURRENT = 'two'
    expect(await password(true)).toBe('two')
    expect(reads).toEqual(['AWSCURRENT', 'AWSPENDING fresh', 'AWSCURRENT fresh'])
  })

  it('is read in its pending version, while the database is ahead of the current one', async () => {
    const { versions, password } = secret({ AWSCURRENT: 'one' })
    await password()
    versions.AWSPENDING = 'two'
    expect(await password(true)).toBe('two')
    expect(await password()).toBe('two')
    versions.AWSCURRENT = 'two'
    delete versions.AWSPENDING
    expect(await password()).toBe('two')
  })

  it('is found, whenever the rotation moves its labels', async () => {
    for (const movesAfter of [0, 1, 2]) {
      const versions: Record<string, string> = { AWSCURRENT: 'one', AWSPENDING: 'two' }
      let reads = -1
      const provider = rotatingSecret({ secretId, user: 'app' }, async (stage) => {
        if (reads === movesAfter) {
          versions.AWSCURRENT = 'two'
          delete versions.AWSPENDING
        }
        reads += 1
        const text = versions[stage]
        if (text === undefined) throw new CredentialsLookupError('CREDENTIALS_SECRET_NOT_FOUND', 'none')
        return { versionId: text, text }
      })
      expect((await provider({ fresh: false, signal })).password).toBe('one')
      expect((await provider({ fresh: true, signal })).password).toBe('two')
    }
  })

  it('goes back to its current version, if the pending one was refused too', async () => {
    const { password } = secret({ AWSCURRENT: 'one', AWSPENDING: 'two' })
    await password()
    expect([await password(true), await password(true)]).toEqual(['two', 'one'])
  })

  it('is the same again, when there is nothing newer', async () => {
    const { versions, password, reads } = secret({ AWSCURRENT: 'one' })
    await password()
    expect(await password(true)).toBe('one')
    expect(reads.slice(1)).toEqual(['AWSPENDING fresh', 'AWSCURRENT fresh'])
    versions.AWSPENDING = 'one'
    expect(await password(true)).toBe('one')
  })

  it('is read past a cache that still has what was refused', async () => {
    const versions = { cached: 'one', stored: 'two' }
    const read: ReadVersion = async (stage, { fresh }) => {
      const text = fresh ? versions.stored : versions.cached
      if (stage !== 'AWSCURRENT') throw new CredentialsLookupError('CREDENTIALS_SECRET_NOT_FOUND', 'none')
      return { versionId: text, text }
    }
    const provider = rotatingSecret({ secretId, user: 'app' }, read)
    const password = async (fresh: boolean) => (await provider({ fresh, signal })).password
    expect([await password(false), await password(true), await password(false)]).toEqual(['one', 'two', 'two'])
  })

  it('is not mistaken for what was given in the place of a read that was given up', async () => {
    const waiting: (() => void)[] = []
    const versions: Record<string, string> = { AWSCURRENT: 'one' }
    const provider = rotatingSecret({ secretId, user: 'app' }, async (stage) => {
      const text = versions[stage]
      if (versions.AWSCURRENT === 'one') await new Promise<void>((resolve) => waiting.push(resolve))
      if (text === undefined) throw new CredentialsLookupError('CREDENTIALS_SECRET_NOT_FOUND', 'none')
      return { versionId: text, text }
    })
    const givenUp = new AbortController()
    const late = Promise.resolve(provider({ fresh: false, signal: givenUp.signal }))
    versions.AWSCURRENT = 'two'
    givenUp.abort()
    expect((await provider({ fresh: true, signal })).password).toBe('two')
    for (const resolve of waiting) resolve()
    await late
    versions.AWSPENDING = 'three'
    expect((await provider({ fresh: true, signal })).password).toBe('three')
  })

  it('is read by another label alone, where one is given', async () => {
    const reads: string[] = []
    const provider = rotatingSecret({ secretId, user: 'app', versionStage: 'AWSPREVIOUS' }, async (stage) => {
      reads.push(stage)
      return { versionId: 'zero', text: 'zero' }
    })
    await provider({ fresh: false, signal })
    await provider({ fresh: true, signal })
    expect(reads).toEqual(['AWSPREVIOUS', 'AWSPREVIOUS'])
  })

  it('is refused when it is binary', async () => {
    const provider = rotatingSecret({ secretId }, async () => ({ versionId: 'one', text: undefined }))
    await expect(Promise.resolve(provider({ fresh: false, signal }))).rejects.toMatchObject({
      code: 'CREDENTIALS_SECRET_INVALID',
      message: expect.stringContaining('`orders/database` is binary'),
    })
  })

  it('does not hide what is no answer', async () => {
    const provider = rotatingSecret({ secretId, user: 'app' }, async (stage) => {
      if (stage === 'AWSPENDING') throw new TypeError('a bug')
      return { versionId: 'one', text: 'one' }
    })
    await provider({ fresh: false, signal })
    await expect(Promise.resolve(provider({ fresh: true, signal }))).rejects.toThrow('a bug')
  })
})
