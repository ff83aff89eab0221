import { sesArn } from './access.ts'
import { sameAccount } from './worker.ts'

/** Where SES puts what it receives; the rest of the bucket is `<account>/<id>`. */
export const INBOUND = 'inbound'
/** Where packages/aws/src/s3/part-links.ts puts copies. */
const PARTS = 'parts'

/**
 * One table and one bucket hold everything that lasts. Both are encrypted with keys that AWS owns, which costs nothing
 * and no call; the table can be restored to any second of the last 35 days.
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
  // Blobs end when their owner deletes them; only what an upload left behind ends by age.
  new aws.s3.BucketLifecycleConfiguration('BlobsLifecycle', {
    bucket: blobs.name,
    rules: [
      {
        id: 'unfinished-uploads',
        status: 'Enabled',
        filter: {},
        abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
      },
      // Decoded copies of attachments, made for links that last an hour.
      { id: 'parts', status: 'Enabled', filter: { prefix: `${PARTS}/` }, expiration: { days: 1 } },
    ],
  })
  return { table, blobs, environment: { KABUTAR_TABLE: table.name, KABUTAR_BUCKET: blobs.name } }
}
export type Storage = ReturnType<typeof storage>
