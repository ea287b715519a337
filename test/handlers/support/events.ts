import type { APIGatewayProxyEventV2, SQSEvent } from 'aws-lambda'
import type { Asked } from '../functions/work'

/** A POST of what a call shall do, as an HTTP API or a function URL hands it on (payload format 2.0). */
export function httpEvent(asked: Asked): APIGatewayProxyEventV2 {
  const body = JSON.stringify(asked)
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: '/work',
    rawQueryString: '',
    headers: {
      host: 'example.test',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    },
    requestContext: {
      accountId: 'anonymous',
      apiId: 'api',
      domainName: 'example.test',
      domainPrefix: 'example',
      http: { method: 'POST', path: '/work', protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
      requestId: String(asked.call),
      routeKey: '$default',
      stage: '$default',
      time: '01/Jan/2026:00:00:00 +0000',
      timeEpoch: 1_767_225_600_000,
    },
    body,
    isBase64Encoded: false,
  }
}

/** Two messages: one with what the call shall do, and one that asks for nothing else, so that never the whole batch fails. */
export function batchEvent(asked: Asked): SQSEvent {
  const bodies = { asked, other: { call: -asked.call } satisfies Asked }
  return {
    Records: Object.entries(bodies).map(([messageId, body]) => ({
      messageId,
      receiptHandle: messageId,
      body: JSON.stringify(body),
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: '1767225600000',
        SenderId: 'sender',
        ApproximateFirstReceiveTimestamp: '1767225600000',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-central-1:000000000000:queue',
      awsRegion: 'eu-central-1',
    })),
  }
}

/** The first invocation of a durable execution whose input is what the call shall do. */
export function durableEvent(asked: Asked): object {
  const execution = {
    Id: 'execution',
    Type: 'EXECUTION',
    Status: 'STARTED',
    StartTimestamp: 1_767_225_600_000,
    ExecutionDetails: { InputPayload: JSON.stringify(asked) },
  }
  return {
    DurableExecutionArn: 'arn:aws:lambda:eu-central-1:000000000000:function:durable:1/durable-execution/name/id',
    CheckpointToken: 'first',
    InitialExecutionState: { Operations: [execution], NextMarker: '' },
  }
}
