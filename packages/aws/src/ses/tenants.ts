/**
 * Tenants of SES, one for each account: SES then counts bounces and complaints of each by itself, and can stop one without
 * the others. A tenant may send with what is associated with it alone: the identities of the account's domains, and the
 * configuration set, which all of them share.
 */
import {
  CreateTenantCommand,
  CreateTenantResourceAssociationCommand,
  DeleteTenantCommand,
  DeleteTenantResourceAssociationCommand,
  ListResourceTenantsCommand,
  ListTenantsCommand,
  type SESv2Client,
} from '@aws-sdk/client-sesv2'
import { MailError } from '@kabutar/core/errors.ts'
import { storeError } from '../store-errors.ts'
import { tenantName } from './relay.ts'

type TenantsOptions = {
  /** The name of the stage among those of the account, such as `kabutar-production`. */
  readonly owner: string
  /** `arn:aws:ses:<region>:<account>:identity/`, to which a name is added. */
  readonly identityArn: string
  readonly configurationSetArn: string
}

export type Tenants = {
  /** Lets an account's tenant send from a domain that has an identity; makes the tenant if it is not there. */
  associate(accountId: string, domain: string): Promise<void>
  /** Ends what lets tenants of this stage send from a domain: SES deletes no identity that is associated with one. */
  dissociate(domain: string): Promise<void>
}

const MAX_PAGES = 200

/** All calls may be repeated: what is there already is no error, nor is what is gone. */
export function sesTenants(client: SESv2Client, options: TenantsOptions): Tenants {
  const { owner, identityArn, configurationSetArn } = options
  return {
    async associate(accountId, domain) {
      const TenantName = tenantName(owner, accountId)
      await sesCall(client.send(new CreateTenantCommand({ TenantName })), 'AlreadyExistsException')
      for (const ResourceArn of [configurationSetArn, `${identityArn}${domain}`]) {
        const command = new CreateTenantResourceAssociationCommand({ TenantName, ResourceArn })
        await sesCall(client.send(command), 'AlreadyExistsException')
      }
    },
    async dissociate(domain) {
      const ResourceArn = `${identityArn}${domain}`
      const page = async (NextToken: string | undefined) => {
        const command = new ListResourceTenantsCommand({ ResourceArn, ...(NextToken !== undefined && { NextToken }) })
        const answer = await sesCall(client.send(command), 'NotFoundException')
        return { names: answer?.ResourceTenants?.map(({ TenantName }) => TenantName), next: answer?.NextToken }
      }
      for (const TenantName of await ownNames(owner, page)) {
        const command = new DeleteTenantResourceAssociationCommand({ TenantName, ResourceArn })
        await sesCall(client.send(command), 'NotFoundException')
      }
    },
  }
}

/** Deletes the tenants of a stage, which ends their associations, and answers their names. */
export async function removeTenants(client: SESv2Client, owner: string): Promise<readonly string[]> {
  const page = async (NextToken: string | undefined) => {
    const Filter = { TENANT_NAME_CONTAINS: tenantName(owner, '') }
    const command = new ListTenantsCommand({ Filter, ...(NextToken !== undefined && { NextToken }) })
    const answer = await sesCall(client.send(command))
    return { names: answer?.Tenants?.map(({ TenantName }) => TenantName), next: answer?.NextToken }
  }
  const names = await ownNames(owner, page)
  for (const TenantName of names) {
    await sesCall(client.send(new DeleteTenantCommand({ TenantName })), 'NotFoundException')
  }
  return names
}

type NamesPage = { readonly names: readonly (string | undefined)[] | undefined; readonly next: string | undefined }

/** The names of this stage's tenants in all pages of a list. */
async function ownNames(
  owner: string,
  page: (from: string | undefined) => Promise<NamesPage>,
): Promise<readonly string[]> {
  const own: string[] = []
  let from: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { names = [], next } = await page(from)
    own.push(...names.filter((name) => name !== undefined).filter((name) => name.startsWith(tenantName(owner, ''))))
    if (next === undefined) return own
    from = next
  }
  throw new Error('SES lists more tenants than can be looked at')
}

/** Returns undefined for the error named `expected`. @throws {MailError | StoreError} for others */
export async function sesCall<T>(answer: Promise<T>, expected?: string): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    const { name, message } = error as Error
    if (name === expected) return undefined
    if (name === 'BadRequestException') throw new MailError('invalid_message', `SES refuses the domain: ${message}`)
    throw storeError(error)
  }
}
