import { INBOUND, PARTS, rulePrefix, sesArn } from './access.ts'
import type { Settled } from './settings.ts'
import { sameAccount } from './worker.ts'

/** A deleted object can be restored for so long, which is as far as DynamoDB's point-in-time recovery goes back. */
const BACKUP_DAYS = 35

/**
 * Declares one table and one bucket, which hold all durable data. Both are encrypted, with keys that AWS owns unless
 * `kmsKey` names another. With `backups` the table can be restored to any second of the last 35 days, and the bucket keeps
 * versions for as long, or the rows of a restored table would name blobs that are gone.
 */
export function storage({ backups, receiving, warmThroughput, kmsKey }: Settled) {
  // Decides deletion protection and forced deletion too: with a rule of its own each, they would contradict each other.
  const keeps = $app.removal === 'retain'
  const table = new sst.aws.Dynamo('Table', {
    fields: { pk: 'string', sk: 'string', gs1pk: 'string', gs1sk: 'string' },
    primaryIndex: { hashKey: 'pk', rangeKey: 'sk' },
    globalIndexes: { gs1: { hashKey: 'gs1pk', rangeKey: 'gs1sk', projection: ['ttl'] } },
    ttl: 'ttl',
    deletionProtection: keeps,
    transform: {
      table: {
        pointInTimeRecovery: { enabled: backups },
        ...(kmsKey !== undefined && { serverSideEncryption: { enabled: true, kmsKeyArn: kmsKey } }),
        ...(warmThroughput && {
          warmThroughput: {
            readUnitsPerSecond: warmThroughput.reads,
            writeUnitsPerSecond: warmThroughput.writes,
          },
        }),
      },
    },
  })
  const blobs = bucket({ keeps, backups, receiving, kmsKey })
  return { table, blobs, environment: { KABUTAR_TABLE: table.name, KABUTAR_BUCKET: blobs.name } }
}

type BucketOptions = Pick<Settled, 'backups' | 'receiving' | 'kmsKey'> & { readonly keeps: boolean }

function bucket({ keeps, backups, receiving, kmsKey }: BucketOptions) {
  const blobs = new sst.aws.Bucket('Blobs', {
    enforceHttps: true,
    cors: false,
    versioning: backups,
    policy: receiving ? [writtenBySes()] : [],
    transform: { bucket: { forceDestroy: !keeps } },
  })
  new aws.s3.BucketServerSideEncryptionConfiguration('BlobsEncryption', {
    bucket: blobs.name,
    // With a key of the bucket's own, S3 asks KMS for far less than each object.
    rules: [
      kmsKey === undefined
        ? { applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }
        : {
            applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: kmsKey },
            bucketKeyEnabled: true,
          },
    ],
  })
  new aws.s3.BucketLifecycleConfiguration('BlobsLifecycle', { bucket: blobs.name, rules: lifecycle(backups) })
  return blobs
}

function writtenBySes() {
  return {
    effect: 'allow' as const,
    principals: [{ type: 'service' as const, identifiers: ['ses.amazonaws.com'] }],
    actions: ['s3:PutObject'],
    paths: [`${INBOUND}/*`],
    conditions: [
      sameAccount(),
      {
        test: 'StringLike',
        variable: 'aws:SourceArn',
        values: [sesArn(`receipt-rule-set/*:receipt-rule/${rulePrefix()}*`)],
      },
    ],
  }
}

/** Blobs are deleted by the row that owns them. Only what no row owns expires: remains of uploads, copies, old versions. */
function lifecycle(backups: boolean) {
  return [
    {
      id: 'unfinished-uploads',
      status: 'Enabled',
      filter: {},
      abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
    },
    // A copy serves a link that lasts an hour, and is made again from the message.
    {
      id: 'parts',
      status: 'Enabled',
      filter: { prefix: `${PARTS}/` },
      expiration: { days: 1 },
      ...(backups && { noncurrentVersionExpiration: { noncurrentDays: 1 } }),
    },
    ...(backups
      ? [
          {
            id: 'deleted',
            status: 'Enabled',
            filter: {},
            noncurrentVersionExpiration: { noncurrentDays: BACKUP_DAYS },
            expiration: { expiredObjectDeleteMarker: true },
          },
        ]
      : []),
  ]
}

export type Storage = ReturnType<typeof storage>
