import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ACCOUNT } from './answers.ts'
import { reader, statementsOf } from './declared.ts'
import { load } from './diff.ts'

for (const stage of ['ci', 'production'] as const) {
  describe(`storage of the stage ${stage}`, () => {
    const { all, one } = reader(load(stage))
    const production = stage === 'production'

    test('the real sst diff accepts the app', () => {
      const { exitCode, errors, output } = load(stage)
      assert.deepEqual(errors, [])
      assert.equal(exitCode, 0, output)
    })

    test('only a kept stage keeps its data when it is removed', () => {
      const table = one('aws:dynamodb/table:Table', 'TableTable')
      const bucket = one('aws:s3/bucket:Bucket', 'BlobsBucket')
      assert.equal(table.inputs.deletionProtectionEnabled, production)
      assert.equal(bucket.inputs.forceDestroy, !production)
      assert.deepEqual([table.retainOnDelete, bucket.retainOnDelete], [production, production])
    })

    test('the table is on demand, with TTL, point-in-time recovery and one sparse index of keys and ttl', () => {
      const { inputs } = one('aws:dynamodb/table:Table', 'TableTable')
      assert.equal(inputs.billingMode, 'PAY_PER_REQUEST')
      assert.deepEqual(inputs.ttl, { attributeName: 'ttl', enabled: true })
      assert.deepEqual(inputs.pointInTimeRecovery, { enabled: true })
      assert.deepEqual([inputs.hashKey, inputs.rangeKey], ['pk', 'sk'])
      assert.deepEqual(inputs.globalSecondaryIndexes, [
        { name: 'gs1', hashKey: 'gs1pk', rangeKey: 'gs1sk', projectionType: 'INCLUDE', nonKeyAttributes: ['ttl'] },
      ])
      assert.equal(inputs.streamEnabled, false)
      // Absent means encrypted with a key that AWS owns; a KMS key of the account costs a call for each request.
      assert.equal(inputs.serverSideEncryption, undefined)
    })

    test('the bucket is private and encrypted; only what no row owns expires', () => {
      const block = one('aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock', 'BlobsPublicAccessBlock').inputs
      for (const name of ['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets']) {
        assert.equal(block[name], true, name)
      }
      const [encryption] = all('aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration')
      assert.deepEqual(encryption?.inputs.rules, [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }])
      const [lifecycle] = all('aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration')
      assert.deepEqual(lifecycle?.inputs.rules, [
        {
          id: 'unfinished-uploads',
          status: 'Enabled',
          filter: {},
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
        },
        {
          id: 'parts',
          status: 'Enabled',
          filter: { prefix: 'parts/' },
          expiration: { days: 1 },
          noncurrentVersionExpiration: { noncurrentDays: 1 },
        },
        {
          id: 'deleted',
          status: 'Enabled',
          filter: {},
          noncurrentVersionExpiration: { noncurrentDays: 35 },
          expiration: { expiredObjectDeleteMarker: true },
        },
      ])
      assert.deepEqual(all('aws:s3/bucketCorsConfiguration:BucketCorsConfiguration'), [])
    })

    test('a restored table finds its blobs: the bucket keeps versions for as long', () => {
      const { versioningConfiguration } = one('aws:s3/bucketVersioning:BucketVersioning', 'BlobsVersioning').inputs
      assert.deepEqual(versioningConfiguration, { status: 'Enabled' })
    })

    test('its policy admits only SES, for rules of this stage in this account, and only over TLS', () => {
      const statements = statementsOf(one('aws:s3/bucketPolicy:BucketPolicy', 'BlobsPolicy').inputs.policy)
      const [insecure, ses, ...others] = statements
      assert.deepEqual(others, [])
      assert.deepEqual([insecure?.Effect, insecure?.Condition], ['Deny', { Bool: { 'aws:SecureTransport': 'false' } }])
      assert.deepEqual(ses?.Principal, { Service: 'ses.amazonaws.com' })
      assert.equal(ses?.Action, 's3:PutObject')
      assert.match(String(ses?.Resource), /\/inbound\/\*$/)
      assert.deepEqual(ses?.Condition, {
        StringEquals: { 'aws:SourceAccount': ACCOUNT },
        StringLike: {
          'aws:SourceArn': `arn:aws:ses:us-east-1:${ACCOUNT}:receipt-rule-set/*:receipt-rule/kabutar-${stage}.*`,
        },
      })
    })

    test('all resources have the tags of the app and the stage', () => {
      const { tags } = JSON.parse(load(stage).config['aws:defaultTags'] ?? '{}')
      assert.deepEqual(tags, { project: 'kabutar', stage, 'sst:app': 'kabutar', 'sst:stage': stage })
    })
  })
}

test('a second deployment declares the same, except the rule set, which exists by then', () => {
  const inputs = (scenario: 'production' | 'again') =>
    load(scenario)
      .resources.filter(({ type }) => !/ReceiptRuleSet$/.test(type))
      .map(({ urn, inputs }) => `${urn} ${JSON.stringify(inputs)}`)
      .toSorted()
  assert.deepEqual(inputs('again'), inputs('production'))
})

test('a stage that is taken out of `keep` and deployed can be removed with its data', () => {
  const { all, one } = reader(load('teardown'))
  const table = one('aws:dynamodb/table:Table', 'TableTable')
  const bucket = one('aws:s3/bucket:Bucket', 'BlobsBucket')
  assert.deepEqual([table.inputs.deletionProtectionEnabled, bucket.inputs.forceDestroy], [false, true])
  assert.deepEqual([table.retainOnDelete, bucket.retainOnDelete], [false, false])
  const names = (scenario: 'production' | 'teardown') =>
    [...reader(load(scenario)).all('aws:dynamodb/table:Table'), ...reader(load(scenario)).all('aws:s3/bucket:Bucket')]
      .map(({ urn }) => urn)
      .toSorted()
  assert.deepEqual(names('teardown'), names('production'))
  assert.ok(all('aws:dynamodb/table:Table').every(({ protect }) => !protect))
})

test('with `backups: false` nothing deleted is kept, by the table or by the bucket', () => {
  const { all, one } = reader(load('staging'))
  assert.deepEqual(one('aws:dynamodb/table:Table', 'TableTable').inputs.pointInTimeRecovery, { enabled: false })
  assert.deepEqual(all('aws:s3/bucketVersioning:BucketVersioning'), [])
  const [lifecycle] = all('aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration')
  assert.deepEqual(
    ((lifecycle?.inputs.rules ?? []) as { id: string }[]).map(({ id }) => id),
    ['unfinished-uploads', 'parts'],
  )
})
