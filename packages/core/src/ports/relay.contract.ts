import assert from 'node:assert/strict'
import { before, describe, type TestContext, test } from 'node:test'
import { type Relay, type RelayEnvelope, RelayError, type RelayErrorKind } from './relay.ts'

export type Relayed = { readonly envelope: RelayEnvelope; readonly raw: Uint8Array }
/** `received` is all that the next hop took. `fail` makes it fail the next message in that way, where it can fail. */
type RelayUnderTest = {
  readonly relay: Relay
  received(): readonly Relayed[]
  fail?(kind: RelayErrorKind): void
}
/** Test names that an adapter's next hop cannot pass, each with the reason. */
type Skips = { readonly [test: string]: string }

const KINDS: readonly RelayErrorKind[] = ['throttled', 'transient', 'permanent', 'ambiguous']

const lines = (...texts: readonly string[]) => Buffer.from(`${texts.join('\r\n')}\r\n`)
const mail = (subject: string, ...body: readonly string[]) =>
  lines('From: a@kabutar.test', 'To: b@example.com', `Subject: ${subject}`, 'MIME-Version: 1.0', '', ...body)
const envelope = (...recipients: readonly string[]): RelayEnvelope => ({
  returnPath: 'bounce@kabutar.test',
  recipients,
})

/** Tests of every adapter of Relay. */
export function relayContract(adapter: string, open: () => Promise<RelayUnderTest>, skips: Skips = {}): void {
  describe(`${adapter} keeps the Relay contract`, () => {
    let opened: RelayUnderTest
    before(async () => {
      opened = await open()
    })
    const send = (to: RelayEnvelope, raw: Uint8Array, signal?: AbortSignal) =>
      opened.relay.send(to, raw, { messageId: '<x@kabutar.test>', ...(signal && { signal }) })
    const findBySubject = (subject: string) =>
      opened.received().filter(({ raw }) => Buffer.from(raw).includes(`Subject: ${subject}\r\n`))
    const check = (name: string, run: (context: TestContext) => Promise<void>) =>
      test(name, { skip: skips[name] ?? false }, run)

    check('the next hop takes the bytes and the envelope as they are', async () => {
      const raw = mail('exact', '.', '..', '.leading dot', 'é 😀 in eight bits', '', 'x'.repeat(900), '.')
      const result = await send(envelope('b@example.com', 'c@example.com'), raw)
      assert.deepEqual(result.rejected, [])
      assert.equal(typeof result.relayId, 'string')
      const [taken, ...more] = findBySubject('exact')
      assert.deepEqual(more, [])
      assert.deepEqual(taken?.envelope, envelope('b@example.com', 'c@example.com'))
      assert.ok(raw.equals(taken?.raw ?? new Uint8Array()))
    })

    check('a message of a megabyte arrives whole', async () => {
      const raw = mail('large', ...Array.from({ length: 14_000 }, (_, n) => `${n}.`.padEnd(76, '.')))
      await send(envelope('b@example.com'), raw)
      assert.ok(raw.equals(findBySubject('large')[0]?.raw ?? new Uint8Array()))
    })

    check('a notification has an empty return path', async () => {
      await send({ returnPath: '', recipients: ['b@example.com'] }, mail('empty return path'))
      assert.equal(findBySubject('empty return path')[0]?.envelope.returnPath, '')
    })

    check('forty messages at once arrive once each', async () => {
      await Promise.all(
        Array.from({ length: 40 }, (_, n) => send(envelope(`r${n}@example.com`), mail('many', String(n)))),
      )
      const recipients = findBySubject('many').map((taken) => taken.envelope.recipients[0])
      assert.equal(recipients.length, 40)
      assert.equal(new Set(recipients).size, 40)
    })

    const refused: readonly { name: string; to(): RelayEnvelope; raw(): Uint8Array }[] = [
      { name: 'no recipient', to: () => envelope(), raw: () => mail('refused') },
      { name: 'a recipient twice', to: () => envelope('b@example.com', 'b@example.com'), raw: () => mail('refused') },
      {
        name: 'more recipients than the limit',
        to: () =>
          envelope(...Array.from({ length: opened.relay.limits.maxRecipients + 1 }, (_, n) => `r${n}@example.com`)),
        raw: () => mail('refused'),
      },
      {
        name: 'more bytes than the limit',
        to: () => envelope('b@example.com'),
        raw: () => Buffer.concat([mail('refused'), Buffer.alloc(opened.relay.limits.maxRawBytes, 'x')]),
      },
    ]
    for (const { name, to, raw } of refused) {
      check(`refused for good: ${name}`, async () => {
        await assert.rejects(send(to(), raw()), (error) => error instanceof RelayError && error.kind === 'permanent')
        assert.deepEqual(findBySubject('refused'), [])
      })
    }

    check('what is given up before it began is sent to nobody', async () => {
      const attempt = send(envelope('b@example.com'), mail('given up'), AbortSignal.abort())
      await assert.rejects(attempt, (error) => error instanceof RelayError && error.kind === 'transient')
      assert.deepEqual(findBySubject('given up'), [])
    })

    for (const kind of KINDS) {
      check(`a next hop that fails: ${kind}`, async (context) => {
        if (!opened.fail) return context.skip('its next hop cannot fail')
        opened.fail(kind)
        const name = await send(envelope('b@example.com'), mail(`fails ${kind}`)).then(
          ({ rejected }) => (rejected[0] && rejected[0].replyCode >= 500 ? 'permanent' : 'ok'),
          (error) => (error instanceof RelayError ? error.kind : String(error)),
        )
        assert.equal(name, kind)
        if (kind !== 'ambiguous') assert.deepEqual(findBySubject(`fails ${kind}`), [])
        await send(envelope('b@example.com'), mail(`after ${kind}`))
        assert.equal(findBySubject(`after ${kind}`).length, 1)
      })
    }
  })
}
