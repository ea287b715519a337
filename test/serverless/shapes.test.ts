import { afterEach, describe, expect, it, vi } from 'vitest'
import { createService, type Service } from './support/service'
import { shapes } from './support/shapes'

// Each run of the framework is a process that loads for seconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let service: Service | undefined

afterEach(() => service?.dispose())

describe('a service as they are is packaged, with one warning at most, which says what to add:', () => {
  it.each(Object.entries(shapes))('%s', async (_, { files, warning = [], variables = [] }) => {
    service = createService(files)
    const { code, text } = await service.run('package')
    expect({ code, text }).toMatchObject({ code: 0 })
    expect(text.split('pg-thaw: ').length - 1).toBe(warning.length === 0 ? 0 : 1)
    for (const part of warning) expect(text).toContain(part)
    const { Variables = {} } = service.template().Resources.ApiLambdaFunction?.Properties?.Environment ?? {}
    const { NODE_OPTIONS: _preload, ...others } = Variables
    expect(Object.keys(others).sort()).toEqual([...variables].sort())
  })
})
