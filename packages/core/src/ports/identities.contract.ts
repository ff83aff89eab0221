import assert from 'node:assert/strict'
import { before, describe, type TestContext, test } from 'node:test'
import type { Skips } from '@kabutar/testing/contract.ts'
import type { DomainRecord, Identities } from './identities.ts'

type IdentitiesUnderTest = {
  readonly identities: Identities
  /** The owner of the domain publishes these. */
  publish(domain: string, records: readonly DomainRecord[]): void
  /** Domains that receive mail, sorted; undefined if every domain that core knows does. */
  receiving?(): readonly string[]
}

/** Tests of every adapter of Identities. */
export function identitiesContract(adapter: string, open: () => Promise<IdentitiesUnderTest>, skips: Skips = {}): void {
  describe(`${adapter} keeps the Identities contract`, () => {
    let opened: IdentitiesUnderTest
    before(async () => {
      opened = await open()
    })
    const create = (domain: string) => opened.identities.create(domain, { accountId: 'a', returnPath: 'send' })
    const published = async (domain: string) => opened.publish(domain, (await create(domain)).records)
    const statusOf = async (domain: string) => (await opened.identities.status(domain))?.status
    const check = (name: string, run: (context: TestContext) => Promise<void>) =>
      test(name, { skip: skips[name] ?? false }, run)

    check('a new domain is pending, with records to publish', async () => {
      const { status, records } = await create('new.test')
      assert.equal(status, 'pending')
      assert.ok(records.some(({ record }) => record === 'DKIM'))
      for (const { name, value, type, priority, status: recorded } of records) {
        assert.match(name, /^([\w-]+\.)*new\.test$/)
        assert.notEqual(value, '')
        assert.equal(priority !== undefined, type === 'MX')
        assert.equal(recorded, 'pending')
      }
    })

    check('what is created twice is one', async () => {
      const [one, two] = await Promise.all([create('twice.test'), create('twice.test')])
      assert.deepEqual(one.records, two.records)
      assert.deepEqual((await opened.identities.status('twice.test'))?.records, one.records)
    })

    check('a domain that publishes its records is verified, and no other', async () => {
      await create('silent.test')
      await published('public.test')
      assert.equal(await statusOf('public.test'), 'verified')
      const records = (await opened.identities.status('public.test'))?.records
      assert.deepEqual(
        records?.filter(({ status }) => status !== 'verified'),
        [],
      )
      assert.equal(await statusOf('silent.test'), 'pending')
    })

    check('an unknown domain has no status', async () => {
      assert.equal(await statusOf('unknown.test'), undefined)
    })

    check('a removed domain is unknown, and removing it again is nothing', async () => {
      await published('removed.test')
      await opened.identities.remove('removed.test')
      assert.equal(await statusOf('removed.test'), undefined)
      await opened.identities.remove('removed.test')
      await opened.identities.remove('never.test')
    })

    check('a removed domain that is created again has to be proved again', async () => {
      await published('again.test')
      assert.equal(await statusOf('again.test'), 'verified')
      await opened.identities.remove('again.test')
      assert.equal((await create('again.test')).status, 'pending')
      assert.equal(await statusOf('again.test'), 'pending')
    })

    check('mail is taken for the domains that are on, however often they are said to be', async (context) => {
      if (opened.receiving === undefined) return context.skip('every domain that core knows receives mail')
      const { identities } = opened
      for (const domain of ['on.test', 'on.test', 'off.test']) await identities.receive(domain, true)
      for (const domain of ['off.test', 'off.test', 'never.test']) await identities.receive(domain, false)
      assert.deepEqual(opened.receiving(), ['on.test'])
      await identities.receive('on.test', false)
      assert.deepEqual(opened.receiving(), [])
    })

    check('domains that come and go at the same time do not undo each other', async (context) => {
      if (opened.receiving === undefined) return context.skip('every domain that core knows receives mail')
      const { identities } = opened
      const domains = (word: string) => Array.from({ length: 3 }, (_, n) => `${word}-${n}.test`)
      await Promise.all(domains('old').map((domain) => identities.receive(domain, true)))
      await Promise.all([
        ...domains('old').map((domain) => identities.receive(domain, false)),
        ...domains('new').map((domain) => identities.receive(domain, true)),
      ])
      assert.deepEqual(opened.receiving(), domains('new'))
      await Promise.all(domains('new').map((domain) => identities.receive(domain, false)))
      assert.deepEqual(opened.receiving(), [])
    })
  })
}
