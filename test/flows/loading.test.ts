/** What the workers need is loaded before the server listens, where a failure ends the start with one line. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Resend } from 'resend'
import { ok, until } from './support/ask.ts'
import { startServer } from './support/server.ts'

const NODE_OPTIONS = `--import ${join(import.meta.dirname, 'support/no-late-loading.ts')}`
const skip = process.env.KABUTAR_FLOW === 'aws' && 'the single process only'

test('mail is composed, read and told of while no module can be loaded', { skip }, async () => {
  await using server = await startServer({ env: { NODE_OPTIONS } })
  const resend = new Resend(server.apiKey, { baseUrl: server.url })
  await ok(resend.emails.send({ from: 'a@kabutar.test', to: 'b@kabutar.test', subject: 'Grüße', text: 'Hällo' }))
  const { subject } = await until('the mail', async () => (await ok(resend.emails.receiving.list())).data[0])
  assert.equal(subject, 'Grüße')
  assert.deepEqual(
    server.stderr.filter((line) => !line.includes('"level":"info"')),
    [],
  )
})
