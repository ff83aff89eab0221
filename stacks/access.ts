/**
 * Policy statements for the role of a function: only the calls that its handler makes, on the one resource. SST's `link`
 * would grant `service:*`, so nothing is linked, and names and URLs are passed in the environment.
 */
export function rows(table: sst.aws.Dynamo) {
  return [
    {
      actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:Query'],
      resources: [table.arn],
    },
  ]
}

/** Every function of the table but `feedback` reads several rows at once. */
export function manyRows(table: sst.aws.Dynamo) {
  return [{ actions: ['dynamodb:BatchGetItem'], resources: [table.arn] }]
}

/** Only operations on domains check a row in a transaction that they do not write: whose the name is. */
export function checkRows(table: sst.aws.Dynamo) {
  return [{ actions: ['dynamodb:ConditionCheckItem'], resources: [table.arn] }]
}

/** Only the sweep has this: it finds due rows by the index, reads them, postpones `due`, and notes the kinds of due rows. */
export function dueRows(table: sst.aws.Dynamo) {
  return [
    {
      actions: ['dynamodb:Query', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      resources: [table.arn],
    },
    { actions: ['dynamodb:Query'], resources: [$interpolate`${table.arn}/index/gs1`] },
  ]
}

/** Includes ListBucket, without which S3 answers 403 for a missing object as for a forbidden one. */
export function readBlobs(bucket: sst.aws.Bucket) {
  return [
    { actions: ['s3:GetObject'], resources: [$interpolate`${bucket.arn}/*`] },
    { actions: ['s3:ListBucket'], resources: [bucket.arn] },
  ]
}

/**
 * Blobs are written under the id of their account, which is `first` or a UUID, and copies for links under `parts/`. What SES
 * wrote is never overwritten, only deleted.
 */
export function writeBlobs(bucket: sst.aws.Bucket) {
  const written = [`${FIRST_ACCOUNT}/*`, `${ANY_UUID}/*`, `${PARTS}/*`]
  const objects = (keys: readonly string[]) => keys.map((key) => $interpolate`${bucket.arn}/${key}`)
  return [
    { actions: ['s3:PutObject', 's3:AbortMultipartUpload'], resources: objects(written) },
    { actions: ['s3:DeleteObject'], resources: objects([...written, `${INBOUND}/*`]) },
  ]
}

const FIRST_ACCOUNT = 'first'
const ANY_UUID = '????????-????-????-????-????????????'
/** Prefix of the objects that SES writes; other keys begin with an account's id. */
export const INBOUND = 'inbound'
/** Prefix of the copies that links lead to. */
export const PARTS = 'parts'

export function enqueue(...queues: sst.aws.Queue[]) {
  return [{ actions: ['sqs:SendMessage'], resources: queues.map((queue) => queue.arn) }]
}

/** Grants the calls of a consumer on a queue without an event source mapping. */
export function dequeue(queue: sst.aws.Queue) {
  return [
    { actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'], resources: [queue.arn] },
  ]
}

export function countEntries(queues: readonly sst.aws.Queue[]) {
  return [{ actions: ['sqs:GetQueueAttributes'], resources: queues.map((queue) => queue.arn) }]
}

/** The ARN of an SES resource in this account and region; the partition differs in China and GovCloud. */
export function sesArn(resource: $util.Input<string>) {
  const { partition } = aws.getPartitionOutput()
  const { accountId } = aws.getCallerIdentityOutput()
  const { region } = aws.getRegionOutput()
  return $interpolate`arn:${partition}:ses:${region}:${accountId}:${resource}`
}

/** The value of the tag `kabutar` of the SES identities of this stage. */
export function owner(): string {
  return `${$app.name}-${$app.stage}`
}

/** What the names of this stage's tenants begin with, before the id of the account. @throws {Error} if one would be too long */
export function tenantPrefix(): string {
  if (owner().length > MAX_TENANT_OWNER)
    throw new Error('tenants: the name of the stage is too long, at most 19 characters')
  return `${owner()}_`
}

/** SES takes 64 characters, of which an underscore and the id of the account are 37. */
const MAX_TENANT_OWNER = 27

/**
 * The beginning of the names of this stage's receipt rules. A stage's name has no dot, so a pattern for the rules of the
 * stage `prod` does not match those of `prod-eu`.
 */
export function rulePrefix(): string {
  return `${owner()}.`
}
