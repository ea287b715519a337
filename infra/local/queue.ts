import { createHash, randomUUID } from 'node:crypto'
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type { Fleet } from '../../src/local/watch/fleet'
import type { FunctionConfiguration } from './configuration'

/** What is in the queue. */
export interface QueueView {
  /** Visible, or soon visible again. */
  readonly waiting: number
  /** Handed to the consumer. */
  readonly inFlight: number
  /** Put aside after having failed too often. */
  readonly failed: readonly string[]
}

interface Message {
  readonly id: string
  readonly body: string
  readonly sentAt: number
  receiveCount: number
}

/** As in infra/resources/queue.yml. */
const MOST_RECEIVES = 5
const MOST_SHOWN = 20
/** What is sent within this time of each other is one batch. */
const BATCH_MILLIS = 50

/** The queue of orders to fulfil, and what Lambda does with it: batches, at least once, and again what failed. */
export class OrdersQueue {
  readonly #consumer: Fleet<FunctionConfiguration>
  readonly #visibilityMillis: number
  readonly #onChange: () => void
  readonly #visible: Message[] = []
  readonly #hidden = new Map<Message, NodeJS.Timeout>()
  readonly #failed: string[] = []
  #inFlight = 0
  #isOpen = true
  #poll: NodeJS.Timeout | undefined

  /** @param visibilityMillis After which time a message that failed comes back. */
  constructor(consumer: Fleet<FunctionConfiguration>, visibilityMillis: number, onChange: () => void) {
    this.#consumer = consumer
    this.#visibilityMillis = visibilityMillis
    this.#onChange = onChange
  }

  /** Sends a message, and returns its id. */
  send(body: string): string {
    const message = { id: randomUUID(), body, sentAt: Date.now(), receiveCount: 0 }
    this.#show(message)
    return message.id
  }

  view(): QueueView {
    return { waiting: this.#visible.length + this.#hidden.size, inFlight: this.#inFlight, failed: this.#failed }
  }

  /** Nothing is delivered any more. */
  close(): void {
    this.#isOpen = false
    clearTimeout(this.#poll)
    for (const timer of this.#hidden.values()) clearTimeout(timer)
  }

  #show(message: Message): void {
    if (!this.#isOpen) return
    this.#visible.push(message)
    this.#poll ??= setTimeout(() => {
      this.#poll = undefined
      while (this.#visible.length > 0) void this.#deliver(this.#visible.splice(0, this.#consumer.facts.batchSize))
    }, BATCH_MILLIS)
    this.#onChange()
  }

  async #deliver(messages: readonly Message[]): Promise<void> {
    this.#inFlight += messages.length
    for (const message of messages) message.receiveCount += 1
    this.#onChange()
    const failed = await this.#failuresOf(messages)
    this.#inFlight -= messages.length
    if (!this.#isOpen) return
    for (const message of messages.filter(({ id }) => failed.has(id))) this.#comeBack(message)
    this.#onChange()
  }

  #comeBack(message: Message): void {
    if (message.receiveCount >= MOST_RECEIVES) {
      this.#failed.push(message.body)
      if (this.#failed.length > MOST_SHOWN) this.#failed.shift()
      return
    }
    const timer = setTimeout(() => {
      this.#hidden.delete(message)
      this.#show(message)
    }, this.#visibilityMillis)
    this.#hidden.set(message, timer)
  }

  /** The messages that the consumer did not take: without an answer all. */
  async #failuresOf(messages: readonly Message[]): Promise<ReadonlySet<string>> {
    try {
      const { outcome, response } = await this.#consumer.invoke(eventOf(messages))
      if (outcome === 'response') {
        const { batchItemFailures } = response as SQSBatchResponse
        return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
      }
    } catch {
      // More are called than may run: they come back, too.
    }
    return new Set(messages.map(({ id }) => id))
  }
}

function eventOf(messages: readonly Message[]): SQSEvent {
  return {
    Records: messages.map(({ id, body, sentAt, receiveCount }) => ({
      messageId: id,
      receiptHandle: id,
      body,
      attributes: {
        ApproximateReceiveCount: String(receiveCount),
        SentTimestamp: String(sentAt),
        SenderId: 'local',
        ApproximateFirstReceiveTimestamp: String(sentAt),
      },
      messageAttributes: {},
      md5OfBody: createHash('md5').update(body).digest('hex'),
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:orders',
      awsRegion: 'us-east-1',
    })),
  }
}
