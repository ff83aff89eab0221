import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type DomainRig, domainPorts } from '@kabutar/testing/domains-rig.ts'
import { DRAFT, KEY } from '@kabutar/testing/sending-rig.ts'
import { FIRST_ACCOUNT } from '../accounts/accounts.ts'
import { recipientOwner } from '../receiving/accept.ts'
import { submit } from '../sending/submit.ts'
import { STALE_MS } from '../store/cache.ts'
import { sweep } from '../store/sweep.ts'
import { dueEvent } from '../webhooks/emit.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { createDomain } from './create.ts'
import type { Domain } from './domain.ts'
import { claimDomain, domainOwner, getDomain, listDomains } from './domains.ts'
import { removeDomain } from './remove.ts'
import { updateDomain } from './update.ts'
import { readDomain, verifyDomain } from './verify.ts'

const HOUR = 3600_000
const A = KEY.accountId
const NAME = 'shop.test'

const send = (ports: DomainRig, domain = NAME) =>
  submit(ports, KEY, { ...DRAFT, from: { name: '', address: `ada@${domain}` } })
const taken = { code: 'conflict' }
const both = { sending: true, receiving: true }

/** Adds a domain, publishes its records and verifies it. */
async function owned(ports: DomainRig, account = A, name = NAME): Promise<Domain> {
  const { id } = await createDomain(ports, account, { name, capabilities: both })
  ports.identities.published.add(name)
  return verifyDomain(ports, account, id)
}

describe('the life of a domain', () => {
  test('a domain neither sends nor receives until it is verified', async () => {
    const ports = await domainPorts()
    const { id, status } = await createDomain(ports, A, { name: 'Shop.Test', capabilities: both })
    assert.equal(status, 'not_started')
    const refused = async () => {
      await assert.rejects(send(ports), { code: 'sender_not_verified' })
      await assert.rejects(recipientOwner(ports.table, `x@${NAME}`), { code: 'relay_denied' })
      assert.deepEqual([...ports.identities.receiving], [])
    }
    await refused()
    assert.equal((await verifyDomain(ports, A, id)).status, 'pending')
    await refused()
    ports.identities.published.add(NAME)
    assert.equal((await verifyDomain(ports, A, id)).status, 'verified')
    await send(ports)
    assert.equal(await recipientOwner(ports.table, `x@${NAME}`), A)
    assert.deepEqual([...ports.identities.receiving], [NAME])
    await removeDomain(ports, A, id)
    await refused()
    assert.equal(ports.identities.known.has(NAME), false)
    await assert.rejects(getDomain(ports.table, A, id), { code: 'not_found' })
  })

  test('an installation that only sends refuses to receive, before it promises an MX record', async () => {
    const rig = await domainPorts()
    const ports = { ...rig, identities: { ...rig.identities, receives: false } }
    await assert.rejects(createDomain(ports, A, { name: NAME, capabilities: both }), { code: 'invalid_message' })
    const { id } = await createDomain(ports, A, { name: NAME })
    await assert.rejects(updateDomain(ports, A, id, { receiving: true }), { code: 'invalid_message' })
    assert.equal((await updateDomain(ports, A, id, { receiving: false })).id, id)
  })

  test('a verified identity proves nothing about an account: only the first may connect one', async () => {
    const rig = await domainPorts()
    const asked: unknown[] = []
    const identities: DomainRig['identities'] = {
      ...rig.identities,
      connects: true,
      async create(domain, options) {
        asked.push(options.connect)
        return rig.identities.create(domain, options)
      },
    }
    const ports = { ...rig, identities }
    const wanted = { name: NAME, connect: true }
    await assert.rejects(createDomain(ports, A, wanted), { code: 'restricted_key' })
    await assert.rejects(createDomain(rig, FIRST_ACCOUNT, wanted), { code: 'invalid_message' })
    await createDomain(ports, FIRST_ACCOUNT, { name: 'plain.test' })
    await createDomain(ports, FIRST_ACCOUNT, wanted)
    assert.deepEqual(asked, [undefined, true])
  })

  test('other processes send from a domain for five seconds after it was removed, and at once after it was added', async () => {
    const ports = await domainPorts()
    const other = { ...ports, table: { ...ports.table } }
    const { id } = await owned(ports)
    for (const one of [ports, other]) await send(one)
    await updateDomain(ports, A, id, { sending: false })
    await assert.rejects(send(ports), { code: 'sender_not_verified' })
    ports.clock.advance(STALE_MS.sendingDomains)
    await assert.rejects(send(other), { code: 'sender_not_verified' })
    await updateDomain(ports, A, id, { sending: true })
    for (const one of [ports, other]) await send(one)
    await removeDomain(ports, A, id)
    await assert.rejects(send(ports), { code: 'sender_not_verified' })
    await owned(ports, 'b')
    const theirs = { ...KEY, accountId: 'b' }
    await submit(other, theirs, { ...DRAFT, from: { name: '', address: `ada@${NAME}` } })
  })

  test('reading a pending domain checks it, every five seconds at most', async () => {
    const ports = await domainPorts()
    const { id } = await createDomain(ports, A, { name: NAME })
    ports.identities.published.add(NAME)
    assert.equal((await readDomain(ports, A, id)).status, 'not_started')
    ports.identities.published.clear()
    await verifyDomain(ports, A, id)
    ports.identities.published.add(NAME)
    assert.equal((await readDomain(ports, A, id)).status, 'pending')
    ports.clock.advance(5000)
    assert.equal((await readDomain(ports, A, id)).status, 'verified')
  })

  test('reading answers what is known while the domain cannot be checked', async () => {
    const ports = await domainPorts()
    const { id } = await createDomain(ports, A, { name: NAME })
    await verifyDomain(ports, A, id)
    ports.identities.broken = true
    ports.clock.advance(5000)
    assert.equal((await readDomain(ports, A, id)).status, 'pending')
    await assert.rejects(verifyDomain(ports, A, id), { code: 'Unavailable' })
  })

  test('a capability that is off is refused, and its records are not shown', async () => {
    const ports = await domainPorts()
    const { id } = await owned(ports)
    await updateDomain(ports, A, id, { sending: false, receiving: false })
    await assert.rejects(send(ports), { code: 'sender_not_verified' })
    await assert.rejects(recipientOwner(ports.table, `x@${NAME}`), { code: 'relay_denied' })
    assert.deepEqual([...ports.identities.receiving], [])
    assert.equal(await domainOwner(ports.table, NAME), A)
    await updateDomain(ports, A, id, { sending: true })
    await send(ports)
    await updateDomain(ports, A, id, { receiving: true })
    assert.equal(await recipientOwner(ports.table, `x@${NAME}`), A)
    assert.deepEqual([...ports.identities.receiving], [NAME])
  })

  test('a verified domain stays verified: records that disappear are a partial failure, and it still sends', async () => {
    const ports = await domainPorts()
    const { id } = await owned(ports)
    ports.identities.published.clear()
    assert.equal((await verifyDomain(ports, A, id)).status, 'partially_failed')
    await send(ports)
    ports.identities.published.add(NAME)
    assert.equal((await verifyDomain(ports, A, id)).status, 'verified')
  })

  test('an identity that is missing is made again', async () => {
    const ports = await domainPorts()
    const { id } = await createDomain(ports, A, { name: NAME })
    ports.identities.known.clear()
    await verifyDomain(ports, A, id)
    assert.ok(ports.identities.known.has(NAME))
  })

  test('a creation that fails leaves the name free', async () => {
    const ports = await domainPorts()
    ports.identities.broken = true
    await assert.rejects(createDomain(ports, A, { name: NAME }), { code: 'Unavailable' })
    ports.identities.broken = false
    await createDomain(ports, 'b', { name: NAME })
  })

  test('pages are newest first', async () => {
    const ports = await domainPorts()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) {
      ports.clock.advance(1)
      ids.unshift((await createDomain(ports, 'b', { name: `d${n}.test` })).id)
    }
    const page = async (options: Parameters<typeof listDomains>[2]) => {
      const { items: domains, hasMore } = await listDomains(ports.table, 'b', options)
      return [domains.map(({ id }) => ids.indexOf(id)), hasMore]
    }
    assert.deepEqual(await page({ limit: 2 }), [[0, 1], true])
    assert.deepEqual(await page({ limit: 2, after: ids[1] ?? '' }), [[2, 3], true])
    assert.deepEqual(await page({ limit: 2, after: ids[3] ?? '' }), [[4], false])
    assert.deepEqual(await page({ limit: 2, before: ids[4] ?? '' }), [[2, 3], true])
    assert.deepEqual(await page({ limit: 5, before: ids[2] ?? '' }), [[0, 1], false])
  })
})

describe('two accounts', () => {
  test('cannot have the same domain, whether it is verified or being verified', async () => {
    const ports = await domainPorts()
    await createDomain(ports, A, { name: NAME })
    await assert.rejects(createDomain(ports, 'b', { name: NAME }), taken)
    await assert.rejects(createDomain(ports, A, { name: NAME }), taken)
    await owned(ports, 'b', 'other.test')
    await assert.rejects(createDomain(ports, A, { name: 'other.test' }), taken)
    await assert.rejects(createDomain(ports, 'b', { name: 'kabutar.test' }), taken)
  })

  test('that add a domain at the same moment: one gets it', async () => {
    const ports = await domainPorts()
    const both = await Promise.allSettled([A, 'b'].map((account) => createDomain(ports, account, { name: NAME })))
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  })

  test('a name that is not proved in three days is free, and the first account’s records prove nothing for the second', async () => {
    const ports = await domainPorts()
    const { id } = await createDomain(ports, A, { name: NAME })
    await verifyDomain(ports, A, id)
    ports.clock.advance(73 * HOUR)
    assert.equal((await readDomain(ports, A, id)).status, 'failed')
    let removed = 0
    const { remove } = ports.identities
    ports.identities.remove = async (domain) => {
      removed++
      return remove(domain)
    }
    const second = await createDomain(ports, 'b', { name: NAME })
    assert.equal(removed, 1)
    await assert.rejects(verifyDomain(ports, A, id), taken)
    ports.identities.published.add(NAME)
    await assert.rejects(verifyDomain(ports, A, id), taken)
    assert.equal((await verifyDomain(ports, 'b', second.id)).status, 'verified')
    // The first account's row, which is still in its list, gives it no hold on the second account's domain.
    await removeDomain(ports, A, id)
    assert.equal(await domainOwner(ports.table, NAME), 'b')
    assert.ok(ports.identities.known.has(NAME))
  })

  test('a domain that the operator gives to an account ends another account’s claim', async () => {
    const ports = await domainPorts()
    const { id } = await createDomain(ports, 'b', { name: NAME })
    await verifyDomain(ports, 'b', id)
    await claimDomain(ports, A, NAME)
    ports.identities.published.add(NAME)
    ports.clock.advance(5000)
    assert.equal((await readDomain(ports, 'b', id)).status, 'failed')
    assert.equal(await domainOwner(ports.table, NAME), A)
  })

  test('a domain that is being proved is verified when the operator gives it to the account', async () => {
    const ports = await domainPorts()
    const { id } = await createDomain(ports, A, { name: NAME })
    await claimDomain(ports, A, NAME)
    const { items: domains } = await listDomains(ports.table, A, { limit: 10 })
    assert.deepEqual(
      domains.filter(({ name }) => name === NAME).map((one) => [one.id, one.status]),
      [[id, 'verified']],
    )
    await send(ports)
  })
})

describe('events of a domain', () => {
  const told = async (ports: DomainRig) => {
    const batch = await ports.webhookQueue.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 })
    await ports.webhookQueue.settle(batch.map((delivery) => ({ delivery, ok: true })))
    return batch.map(({ body }) => JSON.parse(body) as { endpoint: string; event: string; message: string })
  }

  test('each change has one event', async () => {
    const ports = await domainPorts()
    const events = ['domain.created', 'domain.updated', 'domain.deleted']
    await createEndpoint(ports, A, { url: 'https://x.test/', events })
    const { id } = await createDomain(ports, A, { name: NAME })
    assert.equal((await told(ports)).length, 1)
    await verifyDomain(ports, A, id)
    assert.equal((await told(ports)).length, 1)
    await verifyDomain(ports, A, id)
    assert.equal((await told(ports)).length, 0)
    ports.identities.published.add(NAME)
    await verifyDomain(ports, A, id)
    await removeDomain(ports, A, id)
    assert.equal((await told(ports)).length, 2)
    ports.clock.advance(HOUR)
    assert.equal(await sweep(ports, { event: dueEvent(ports.webhookQueue) }), 0)
  })

  test('the sweep queues an event that a crash kept from the queue', async () => {
    const ports = await domainPorts()
    await createEndpoint(ports, A, { url: 'https://x.test/', events: ['domain.created'] })
    const dead = { ...ports, webhookQueue: { ...ports.webhookQueue, send: () => Promise.reject(new Error('dead')) } }
    await createDomain(dead, A, { name: NAME })
    assert.deepEqual(await told(ports), [])
    ports.clock.advance(2 * 60_000)
    assert.equal(await sweep(ports, { event: dueEvent(ports.webhookQueue) }), 1)
    assert.deepEqual(
      (await told(ports)).map(({ endpoint }) => endpoint),
      ['*'],
    )
  })
})
