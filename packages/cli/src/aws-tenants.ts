/** Tenants of SES for the accounts that a stage has already, as after the setting `tenants` was turned on. */
import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { dynamoClient, dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import { identitiesClient } from '@kabutar/aws/ses/identities.ts'
import { removeTenants, sesTenants, type Tenants } from '@kabutar/aws/ses/tenants.ts'
import { listAccounts } from '@kabutar/core/accounts/accounts.ts'
import { listDomains } from '@kabutar/core/domains/domains.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { tableOf } from './aws-stage.ts'

const PAGE = 100

/** Makes the tenants of all accounts with their domains, and answers what was done. Repeating it is no error. */
export async function createTenants(stage: string, chosen?: string): Promise<readonly string[]> {
  const dynamo = dynamoClient()
  const ses = identitiesClient()
  try {
    const name = await tableOf(dynamo, stage, chosen)
    const owner = `kabutar-${stage}`
    const arn = await sesArnOf(dynamo, name)
    const tenants = sesTenants(ses, {
      owner,
      identityArn: `${arn}:identity/`,
      configurationSetArn: `${arn}:configuration-set/${owner}`,
    })
    return await associateAll(dynamoTable(dynamo, name, systemClock), tenants)
  } finally {
    dynamo.destroy()
    ses.destroy()
  }
}

/** A domain without an identity, such as one that the operator vouched for, is named and passed over. */
export async function associateAll(table: Table, tenants: Pick<Tenants, 'associate'>): Promise<readonly string[]> {
  const lines: string[] = []
  for (const account of (await listAccounts(table)).items) {
    let after: string | undefined
    do {
      const page = await listDomains(table, account.id, { limit: PAGE, ...(after !== undefined && { after }) })
      for (const { name } of page.items) {
        const failed = await tenants.associate(account.id, name).catch((error: Error) => error)
        lines.push(`${name} of account ${account.id}: ${failed ? `not associated: ${failed.message}` : 'associated'}`)
      }
      after = page.hasMore ? page.items.at(-1)?.id : undefined
    } while (after !== undefined)
  }
  return lines
}

export async function removeTenantsOf(stage: string): Promise<readonly string[]> {
  const ses = identitiesClient()
  try {
    return (await removeTenants(ses, `kabutar-${stage}`)).map((name) => `${name} is deleted`)
  } finally {
    ses.destroy()
  }
}

/** The ARNs of SES in the partition, region and account of the table. */
async function sesArnOf(client: DynamoDBClient, TableName: string): Promise<string> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }))
  const [arn, partition, , region, account] = (Table?.TableArn ?? '').split(':')
  return [arn, partition, 'ses', region, account].join(':')
}
