import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { GetAccountCommand } from '@aws-sdk/client-sesv2'
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { closeNow, listen, standIn } from '../../../test/aws/servers.ts'
import { sesClient } from './ses/client.ts'
import { sqsClient } from './sqs/queue.ts'

async function counting() {
  const server = createServer((_request, response) => response.setHeader('content-type', 'application/json').end('{}'))
  const count = { connections: 0 }
  server.on('connection', () => count.connections++)
  return { endpoint: await listen(server), count, close: () => closeNow(server) }
}

test('clients keep connections alive, but the SES client opens a new one after a pause', async (t) => {
  const { endpoint, count, close } = await counting()
  t.after(close)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const ses = sesClient(standIn(endpoint))
  const sqs = sqsClient(standIn(endpoint))
  const ask = () => ses.send(new GetAccountCommand({}))
  const depth = () => sqs.send(new GetQueueAttributesCommand({ QueueUrl: `${endpoint}/0/q` }))
  await ask()
  await ask()
  assert.equal(count.connections, 1)
  t.mock.timers.tick(4000)
  await ask()
  assert.equal(count.connections, 2)
  await depth()
  t.mock.timers.tick(4000)
  await depth()
  assert.equal(count.connections, 3)
})

test('a client times out if no answer comes', async (t) => {
  const server = createServer(() => {})
  t.after(() => closeNow(server))
  const client = sesClient(standIn(await listen(server)))
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const failed = assert.rejects(client.send(new GetAccountCommand({})), { name: 'TimeoutError' })
  for (let n = 0; n < 50; n++) {
    await new Promise((resolve) => setImmediate(resolve))
    t.mock.timers.tick(1000)
  }
  await failed
})
