import assert from 'node:assert/strict'
import { test } from 'node:test'
import { domainPorts } from '@kabutar/testing/domains-rig.ts'
import { FIRST_ACCOUNT } from '../accounts/accounts.ts'
import { createDomain } from './create.ts'
import { claimDomain, domainOwner, getDomain } from './domains.ts'
import { adoptDomains } from './settings-domains.ts'
import { verifyDomain } from './verify.ts'

test('a domain is the first account’s while it stands in the settings', async () => {
  const ports = await domainPorts()
  const owners = () => Promise.all(['a.test', 'b.test'].map((name) => domainOwner(ports.table, name)))
  await adoptDomains(ports, ['a.test', 'b.test'])
  await adoptDomains(ports, ['a.test', 'b.test'])
  assert.deepEqual(await owners(), [FIRST_ACCOUNT, FIRST_ACCOUNT])
  await adoptDomains(ports, ['a.test'])
  assert.deepEqual(await owners(), [FIRST_ACCOUNT, undefined])
  await adoptDomains(ports, ['b.test'])
  assert.deepEqual(await owners(), [undefined, FIRST_ACCOUNT])
})

test('domains that no setting gave stay', async () => {
  const ports = await domainPorts()
  await claimDomain(ports, FIRST_ACCOUNT, 'given.test')
  await adoptDomains(ports, ['given.test'])
  await adoptDomains(ports, [])
  assert.equal(await domainOwner(ports.table, 'given.test'), FIRST_ACCOUNT)
  assert.equal(await domainOwner(ports.table, 'kabutar.test'), 'a')
})

test('a domain that was being proved goes back to that, and one that the DNS proves stays', async () => {
  const ports = await domainPorts()
  const { id: proved } = await createDomain(ports, FIRST_ACCOUNT, { name: 'proved.test' })
  const { id: unproved } = await createDomain(ports, FIRST_ACCOUNT, { name: 'unproved.test' })
  await adoptDomains(ports, ['proved.test', 'unproved.test'])
  ports.identities.published.add('proved.test')
  await verifyDomain(ports, FIRST_ACCOUNT, proved)
  await adoptDomains(ports, [])
  assert.equal(await domainOwner(ports.table, 'proved.test'), FIRST_ACCOUNT)
  assert.equal((await getDomain(ports.table, FIRST_ACCOUNT, proved)).status, 'verified')
  assert.equal(await domainOwner(ports.table, 'unproved.test'), undefined)
  assert.equal((await getDomain(ports.table, FIRST_ACCOUNT, unproved)).status, 'not_started')
  ports.identities.published.add('unproved.test')
  await verifyDomain(ports, FIRST_ACCOUNT, unproved)
  assert.equal(await domainOwner(ports.table, 'unproved.test'), FIRST_ACCOUNT)
})
