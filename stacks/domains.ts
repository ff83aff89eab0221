import { checkRows, enqueue, manyRows, owner, rows, sesArn } from './access.ts'
import type { Receiving } from './receiving.ts'
import { type Sending, tenants } from './sending.ts'
import type { Settled } from './settings.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'

/** Declares the function of the routes of domains, the only one that may change SES identities and receipt rules. */
export function domains(settings: Settled, stored: Storage, notifying: Webhooks, sent: Sending, received: Receiving) {
  return new sst.aws.Function('Domains', {
    handler: 'functions/domains.handler',
    timeout: '29 seconds',
    memory: settings.memory.domains,
    environment: {
      KABUTAR_TABLE: stored.table.name,
      ...notifying.environment,
      KABUTAR_OWNER: owner(),
      KABUTAR_IDENTITY_ARN: sesArn('identity/'),
      ...(settings.tenants && { KABUTAR_CONFIGURATION_SET_ARN: sent.configurationSet.arn }),
      ...(received.rules
        ? { ...received.rules.environment, KABUTAR_BUCKET: stored.blobs.name }
        : { KABUTAR_RECEIVING: 'off' }),
    },
    permissions: [
      ...rows(stored.table),
      ...manyRows(stored.table),
      ...checkRows(stored.table),
      ...enqueue(notifying.queue),
      ...identities(),
      ...(settings.tenants ? tenantCalls(sent) : []),
      ...(received.rules ? receiptRules() : []),
    ],
  })
}

/** Identities carry a tag of this stage. Without it they can be read, and connected by giving it to them. */
function identities() {
  const resources = [sesArn('identity/*')]
  const has = { test: 'StringEquals', variable: 'aws:ResourceTag/kabutar', values: [owner()] }
  const gives = { test: 'StringEquals', variable: 'aws:RequestTag/kabutar', values: [owner()] }
  const hasNone = { test: 'Null', variable: 'aws:ResourceTag/kabutar', values: ['true'] }
  return [
    { actions: ['ses:GetEmailIdentity'], resources },
    { actions: ['ses:CreateEmailIdentity'], resources, conditions: [gives] },
    { actions: ['ses:TagResource'], resources, conditions: [gives, hasNone] },
    {
      actions: [
        'ses:DeleteEmailIdentity',
        'ses:PutEmailIdentityMailFromAttributes',
        'ses:PutEmailIdentityFeedbackAttributes',
        'ses:UntagResource',
      ],
      resources,
      conditions: [has],
    },
  ]
}

/** A tenant is associated with identities and the configuration set; an association ends before its identity is deleted. */
function tenantCalls({ configurationSet }: Sending) {
  return [
    { actions: ['ses:CreateTenant'], resources: [tenants()] },
    {
      actions: ['ses:CreateTenantResourceAssociation', 'ses:DeleteTenantResourceAssociation'],
      resources: [tenants(), sesArn('identity/*'), configurationSet.arn],
    },
    { actions: ['ses:ListResourceTenants'], resources: [sesArn('identity/*')] },
  ]
}

/** SES has no ARNs for receipt rules, so a policy cannot name them. */
function receiptRules() {
  return [
    {
      actions: [
        'ses:DescribeActiveReceiptRuleSet',
        'ses:CreateReceiptRule',
        'ses:UpdateReceiptRule',
        'ses:DeleteReceiptRule',
      ],
      resources: ['*'],
    },
  ]
}
