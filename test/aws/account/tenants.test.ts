/**
 * Shows on a real account what SES does with tenants, with credentials and AWS_REGION from the environment. It makes a
 * configuration set, an identity that nobody verifies, and a tenant, all named `kabutar-contract-…`, and removes them. With
 * KABUTAR_FROM, an address that the account may send from, it also tries to send without an association.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  CreateConfigurationSetCommand,
  CreateEmailIdentityCommand,
  CreateTenantCommand,
  DeleteConfigurationSetCommand,
  DeleteEmailIdentityCommand,
  SendEmailCommand,
} from '@aws-sdk/client-sesv2'
import { identitiesClient } from '@kabutar/aws/ses/identities.ts'
import { tenantName } from '@kabutar/aws/ses/relay.ts'
import { sesError } from '@kabutar/aws/ses/relay-errors.ts'
import { removeTenants, sesTenants } from '@kabutar/aws/ses/tenants.ts'

const client = identitiesClient()
const OWNER = `kabutar-contract-${Date.now()}`
const DOMAIN = `${OWNER}.example.com`
const { KABUTAR_FROM: from } = process.env

after(async () => {
  await removeTenants(client, OWNER)
  await client.send(new DeleteEmailIdentityCommand({ EmailIdentity: DOMAIN })).catch(() => undefined)
  await client.send(new DeleteConfigurationSetCommand({ ConfigurationSetName: OWNER }))
  client.destroy()
})

test('a tenant sends with what is associated with it, and its identity can be deleted after that ended', async () => {
  await client.send(new CreateConfigurationSetCommand({ ConfigurationSetName: OWNER }))
  await client.send(new CreateEmailIdentityCommand({ EmailIdentity: DOMAIN }))
  const TenantName = tenantName(OWNER, 'a')
  const { TenantArn = '' } = await client.send(new CreateTenantCommand({ TenantName }))
  const arn = TenantArn.slice(0, TenantArn.indexOf(':tenant/'))
  const tenants = sesTenants(client, {
    owner: OWNER,
    identityArn: `${arn}:identity/`,
    configurationSetArn: `${arn}:configuration-set/${OWNER}`,
  })
  for (let n = 0; n < 2; n++) await tenants.associate('a', DOMAIN)
  await assert.rejects(client.send(new DeleteEmailIdentityCommand({ EmailIdentity: DOMAIN })))
  if (from !== undefined) {
    const raw = `From: ${from}\r\nTo: success@simulator.amazonses.com\r\nSubject: t\r\n\r\nt\r\n`
    const send = new SendEmailCommand({ TenantName, Content: { Raw: { Data: Buffer.from(raw) } } })
    const refused = await client.send(send).then(() => assert.fail('it was sent'), sesError)
    assert.deepEqual([refused.kind, refused.pause], ['throttled', undefined], refused.message)
  }
  for (let n = 0; n < 2; n++) await tenants.dissociate(DOMAIN)
  await client.send(new DeleteEmailIdentityCommand({ EmailIdentity: DOMAIN }))
  assert.deepEqual(await removeTenants(client, OWNER), [TenantName])
  assert.deepEqual(await removeTenants(client, OWNER), [])
})
