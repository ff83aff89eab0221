import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createTransport } from 'nodemailer'
import { installDebian } from './debian.ts'
import { type PostfixOptions, startPostfix } from './postfix.ts'

const RAW = Buffer.from(
  [
    'From: A <a@kabutar.test>',
    'To: b@postfix.test',
    'Subject: =?utf-8?q?p=C3=A9age?=',
    'Message-ID: <1@kabutar.test>',
    'Date: Thu, 1 Jan 2026 00:00:00 +0000',
    '',
    '.a line that starts with a dot',
    'and 8 bits: é',
    '',
    '',
  ].join('\r\n'),
)

async function withPostfix(
  options: PostfixOptions,
  run: (postfix: Awaited<ReturnType<typeof startPostfix>>) => Promise<void>,
) {
  const postfix = await startPostfix(options)
  try {
    await run(postfix)
  } finally {
    await postfix.stop()
    assert.ok(!existsSync(postfix.queueFolder))
  }
}

const send = async (port: number, recipients: readonly string[]) => {
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
  try {
    return await transport.sendMail({ envelope: { from: 'bounces@kabutar.test', to: [...recipients] }, raw: RAW })
  } finally {
    transport.close()
  }
}

/** Removes the trace field that Postfix put on top. */
function withoutTrace(raw: Buffer): string {
  const text = raw.toString()
  const trace = /^Received: .*\r\n([ \t].*\r\n)*/.exec(text)?.[0] ?? ''
  assert.match(trace, /mx\.postfix\.test \(Postfix\)/)
  return text.slice(trace.length)
}

test('Postfix delivers to each recipient the bytes that were sent, and leaves the system’s Postfix alone', async () => {
  installDebian(['postfix'])
  const system = '/etc/postfix/main.cf'
  const before = existsSync(system) ? readFileSync(system, 'utf8') : undefined
  await withPostfix({ replies: { 'full@postfix.test': '450 4.2.2 Mailbox full' } }, async (postfix) => {
    const { accepted, rejected } = await send(postfix.port, [
      'b@postfix.test',
      'full@postfix.test',
      'c@postfix.test',
      'x@elsewhere.test',
    ])
    assert.deepEqual(
      [accepted, rejected],
      [
        ['b@postfix.test', 'c@postfix.test'],
        ['full@postfix.test', 'x@elsewhere.test'],
      ],
    )
    const messages = await postfix.waitFor(2)
    assert.deepEqual(messages.map(({ recipient }) => recipient).sort(), ['b@postfix.test', 'c@postfix.test'])
    for (const { raw, returnPath } of messages) {
      assert.equal(returnPath, 'bounces@kabutar.test')
      assert.equal(withoutTrace(raw), RAW.toString())
    }
  })
  assert.equal(existsSync(system) ? readFileSync(system, 'utf8') : undefined, before)
})

test('two Postfixes run side by side, one relays to the other', async () => {
  await withPostfix({ domains: ['other.test'] }, async (last) => {
    await withPostfix({ relayTo: { host: '127.0.0.1', port: last.port } }, async (first) => {
      await send(first.port, ['d@other.test'])
      const [message] = await last.waitFor(1)
      assert.equal(message?.recipient, 'd@other.test')
      assert.deepEqual(await first.messages(), [])
    })
  })
})
