/** The console on AWS: a private bucket and the API behind one distribution. The scenario `staging` deploys it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { reader, statementsOf } from './declared.ts'
import { load } from './diff.ts'

const { all, one, only } = reader(load('staging'))
type Distribution = {
  readonly origins: readonly { readonly originId: string; readonly domainName: string }[]
  readonly defaultCacheBehavior: Readonly<Record<string, unknown>>
  readonly orderedCacheBehaviors: readonly Readonly<Record<string, unknown>>[]
}
const site = () => one('aws:cloudfront/distribution:Distribution', 'ConsoleSite')

test('a stage without the setting has no console', () => {
  assert.deepEqual(reader(load('production')).all('aws:cloudfront/distribution:Distribution'), [])
})

test('page and API have one origin: /api goes to the API uncached, with all that the browser sent', () => {
  const { origins, defaultCacheBehavior, orderedCacheBehaviors } = site().inputs as unknown as Distribution
  assert.deepEqual(
    origins.map(({ originId, domainName }) => [originId, domainName.replace(/^.*\.s3\./, 's3.')]),
    [
      ['site', 's3.us-east-1.amazonaws.com'],
      ['api', 'api.example.com'],
    ],
  )
  assert.equal(defaultCacheBehavior.targetOriginId, 'site')
  assert.equal(defaultCacheBehavior.viewerProtocolPolicy, 'redirect-to-https')
  const [api, ...others] = orderedCacheBehaviors
  assert.deepEqual([api?.pathPattern, api?.targetOriginId, others], ['/api/*', 'api', []])
  // CloudFront's policies CachingDisabled and AllViewerExceptHostHeader.
  assert.equal(api?.cachePolicyId, '4135ea2d-6df8-44a3-9df3-4b5a84be39ad')
  assert.equal(api?.originRequestPolicyId, 'b689b0a8-53d0-40ab-baf2-68738e2966ac')
})

test('the bucket is open to the distribution alone', () => {
  const { bucket, ...blocked } = one('aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock', 'ConsoleAccess').inputs
  assert.ok(bucket)
  assert.deepEqual(Object.values(blocked), [true, true, true, true])
  const [statement, ...others] = statementsOf(one('aws:s3/bucketPolicy:BucketPolicy', 'ConsolePolicy').inputs.policy)
  assert.deepEqual(others, [])
  assert.deepEqual([statement?.Principal, statement?.Action], [{ Service: 'cloudfront.amazonaws.com' }, 's3:GetObject'])
  const [[operator, source] = []] = Object.entries(statement?.Condition ?? {})
  assert.equal(operator, 'StringEquals')
  assert.match(source?.['AWS:SourceArn'] ?? '', /^arn:aws:cloudfront::\d+:distribution\/[0-9A-F]{14}$/)
})

test('the files are those of the build, and keep as long as their names say', () => {
  const files = all('aws:s3/bucketObjectv2:BucketObjectv2').filter(({ name }) => name.startsWith('Console-'))
  const caching = Object.fromEntries(files.map(({ inputs }) => [inputs.key, inputs.cacheControl]))
  assert.equal(caching['index.html'], 'no-cache')
  const hashed = Object.keys(caching).filter((path) => path.startsWith('assets/'))
  assert.ok(hashed.length >= 2)
  for (const path of hashed) assert.equal(caching[path], 'public, max-age=31536000, immutable', path)
})

test('the policy of the page is that of the single process', () => {
  const { securityHeadersConfig } = only('aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy') as {
    readonly securityHeadersConfig: {
      readonly contentSecurityPolicy: { readonly contentSecurityPolicy: string }
    }
  }
  const policy = securityHeadersConfig.contentSecurityPolicy.contentSecurityPolicy
  const server = readFileSync('packages/server/src/console-site.ts', 'utf8')
  const list = /const POLICY = \[([\s\S]*?)\]/.exec(server)?.[1] ?? ''
  assert.deepEqual(
    policy.split('; '),
    [...list.matchAll(/"([^"]+)"/g)].map(([, directive]) => directive),
  )
})
