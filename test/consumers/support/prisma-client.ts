import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { PrismaPg } from '@prisma/adapter-pg'

export interface Author {
  id: number
  name: string
  books: { title: string }[]
}

/** What the tests use of the client of `library.prisma`, with and without a transaction. */
export interface LibraryQueries {
  author: {
    create(query: object): Promise<Author>
    findMany(query?: object): Promise<Author[]>
    findUniqueOrThrow(query: object): Promise<Author>
    update(query: object): Promise<Author>
    deleteMany(query?: object): Promise<{ count: number }>
    count(query?: object): Promise<number>
  }
  $queryRaw<T>(sql: TemplateStringsArray, ...values: unknown[]): Promise<T>
}

export interface LibraryClient extends LibraryQueries {
  $transaction<T>(work: (tx: LibraryQueries) => Promise<T>, options?: object): Promise<T>
  $transaction<T>(queries: readonly Promise<T>[]): Promise<T[]>
  $disconnect(): Promise<void>
}

/** A client as `prisma generate` makes it. */
export interface GeneratedClient {
  readonly PrismaClient: new (options: { adapter: PrismaPg }) => LibraryClient
  dispose(): Promise<void>
}

const PRISMA = resolve('node_modules', 'prisma', 'build', 'index.js')

/** Generates the client of `library.prisma`, without the network. */
export async function generatePrismaClient(): Promise<GeneratedClient> {
  const cache = join('node_modules', '.cache')
  await mkdir(cache, { recursive: true })
  // Below node_modules, since the generated code looks for its runtime from where it lies.
  const directory = await mkdtemp(join(cache, 'pg-thaw-prisma-'))
  const dispose = () => rm(directory, { recursive: true, force: true })
  try {
    await copyFile(join(import.meta.dirname, 'library.prisma'), join(directory, 'schema.prisma'))
    await prismaGenerate(directory)
    const { PrismaClient } = createRequire(import.meta.url)(join(process.cwd(), directory, 'client'))
    return { PrismaClient, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Runs `prisma generate` on the `schema.prisma` in a folder, without the network. */
export async function prismaGenerate(directory: string): Promise<void> {
  // The binary must be there, or it would be downloaded; it is not run.
  const stub = join(directory, 'schema-engine')
  await writeFile(stub, '#!/bin/sh\nexit 1\n')
  await chmod(stub, 0o755)
  await promisify(execFile)(process.execPath, [PRISMA, 'generate', '--schema', join(directory, 'schema.prisma')], {
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: stub,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
  })
}
