import { sesArn } from './access.ts'
import { sameAccount } from './worker.ts'

/** Prefix of the objects that SES writes; other keys begin with an account's id. */
export const INBOUND = 'inbound'
/** Prefix of the decoded attachments that packages/aws/src/s3/part-links.ts writes. */
const PARTS = 'parts'

/**
 * Declares one table and one bucket, which hold all durable data. Both are encrypted with keys that AWS owns, without cost
 * or calls to KMS; the table can be restored to any second of the last 35 days.
 */
export function storage() {
  const production = $app.stage === 'production'
  const table = new sst.aws.Dynamo('Table', {
    fields: { pk: 'string', sk: 'string', gs1pk: 'string', gs1sk: 'string' },
    primaryIndex: { hashKey: 'pk', rangeKey: 'sk' },
    globalIndexes: { gs1: { hashKey: 'gs1pk', rangeKey: 'gs1sk', projection: ['ttl'] } },
    ttl: 'ttl',
    deletionProtection: production,
  })
  const blobs = bucket(production)
  return { table, blobs, environment: { KABUTAR_TABLE: table.name, KABUTAR_BUCKET: blobs.name } }
}

function bucket(production: boolean) {
  const blobs = new sst.aws.Bucket('Blobs', {
    enforceHttps: true,
    cors: false,
    policy: [
      {
        effect: 'allow',
        principals: [{ type: 'service', identifiers: ['ses.amazonaws.com'] }],
        actions: ['s3:PutObject'],
        paths: [`${INBOUND}/*`],
        conditions: [
          sameAccount(),
          {
            test: 'StringLike',
            variable: 'aws:SourceArn',
            values: [sesArn(`receipt-rule-set/*:receipt-rule/${$app.name}-${$app.stage}-*`)],
          },
        ],
      },
    ],
    transform: { bucket: { forceDestroy: !production } },
  })
  new aws.s3.BucketServerSideEncryptionConfiguration('BlobsEncryption', {
    bucket: blobs.name,
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }],
  })
  // Blobs are deleted by their owner; only remains of uploads and copies of attachments expire by age.
  new aws.s3.BucketLifecycleConfiguration('BlobsLifecycle', {
    bucket: blobs.name,
    rules: [
      {
        id: 'unfinished-uploads',
        status: 'Enabled',
        filter: {},
        abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
      },
      // A copy serves a link that lasts an hour.
      { id: 'parts', status: 'Enabled', filter: { prefix: `${PARTS}/` }, expiration: { days: 1 } },
    ],
  })
  return blobs
}

export type Storage = ReturnType<typeof storage>
