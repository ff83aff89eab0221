/**
 * Statements for the role of a function: the calls that its handler makes, on the very resource. SST's `link` would
 * grant `service:*`, so nothing here is linked; names and URLs travel in the environment.
 */
export function rows(table: sst.aws.Dynamo) {
  return [
    {
      actions: [
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
        'dynamodb:ConditionCheckItem',
        'dynamodb:Query',
      ],
      resources: [table.arn],
    },
  ]
}

/** What the sweep does, and nobody else: it finds rows that are due by the index, reads them and moves `due`. */
export function dueRows(table: sst.aws.Dynamo) {
  return [
    { actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'], resources: [table.arn] },
    { actions: ['dynamodb:Query'], resources: [$interpolate`${table.arn}/index/gs1`] },
  ]
}

/** Without ListBucket S3 answers 403 for a missing object, and a missing one could not be told from a forbidden one. */
export function readBlobs(bucket: sst.aws.Bucket) {
  return [
    { actions: ['s3:GetObject'], resources: [$interpolate`${bucket.arn}/*`] },
    { actions: ['s3:ListBucket'], resources: [bucket.arn] },
  ]
}

export function writeBlobs(bucket: sst.aws.Bucket) {
  return [
    {
      actions: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:DeleteObject'],
      resources: [$interpolate`${bucket.arn}/*`],
    },
  ]
}

export function enqueue(...queues: sst.aws.Queue[]) {
  return [{ actions: ['sqs:SendMessage'], resources: queues.map((queue) => queue.arn) }]
}

/** For a queue that no event source mapping works off. */
export function dequeue(queue: sst.aws.Queue) {
  return [
    { actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'], resources: [queue.arn] },
  ]
}

export function countEntries(queues: readonly sst.aws.Queue[]) {
  return [{ actions: ['sqs:GetQueueAttributes'], resources: queues.map((queue) => queue.arn) }]
}

/** Everything in the account's SES that this stage names, and the identities of domains added at run time. */
export function sesArn(resource: $util.Input<string>) {
  const { accountId } = aws.getCallerIdentityOutput()
  const { region } = aws.getRegionOutput()
  return $interpolate`arn:aws:ses:${region}:${accountId}:${resource}`
}
