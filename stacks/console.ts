import { readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Api } from './api.ts'

/** The folder that `npm run prepare` builds. */
const BUILT = 'packages/console/dist'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}
/** The same policy as that of the single process, in packages/server/src/console-site.ts. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-src 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')
const YEAR_SECONDS = 31_536_000

/** CloudFront's own policies, which have the same ids in every account. */
const CACHING_OPTIMIZED = '658327ea-f89d-4fab-a63d-7e88639e58f6'
const CACHING_DISABLED = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad'
const ALL_VIEWER_EXCEPT_HOST = 'b689b0a8-53d0-40ab-baf2-68738e2966ac'

/**
 * Declares the console: its files in a private bucket, and the API below `/api`, behind one CloudFront distribution. Page and
 * API have one origin, so neither needs CORS. The API drops `/api` from a path itself.
 */
export function consoleSite(front: Api) {
  const bucket = new aws.s3.Bucket('Console', { forceDestroy: true })
  const closed = new aws.s3.BucketPublicAccessBlock('ConsoleAccess', {
    bucket: bucket.bucket,
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  })
  const site = distribution(bucket, front)
  new aws.s3.BucketPolicy(
    'ConsolePolicy',
    {
      bucket: bucket.bucket,
      policy: $jsonStringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'cloudfront.amazonaws.com' },
            Action: 's3:GetObject',
            Resource: $interpolate`${bucket.arn}/*`,
            Condition: { StringEquals: { 'AWS:SourceArn': site.arn } },
          },
        ],
      }),
    },
    { dependsOn: [closed] },
  )
  for (const path of builtFiles()) upload(bucket, path)
  return { url: $interpolate`https://${site.domainName}` }
}

function distribution(bucket: aws.s3.Bucket, front: Api) {
  const access = new aws.cloudfront.OriginAccessControl('ConsoleOrigin', {
    originAccessControlOriginType: 's3',
    signingBehavior: 'always',
    signingProtocol: 'sigv4',
  })
  const https = { viewerProtocolPolicy: 'redirect-to-https', compress: true }
  return new aws.cloudfront.Distribution('ConsoleSite', {
    enabled: true,
    comment: `${$app.name} ${$app.stage} console`,
    httpVersion: 'http2and3',
    priceClass: 'PriceClass_100',
    defaultRootObject: 'index.html',
    origins: [
      { originId: 'site', domainName: bucket.bucketRegionalDomainName, originAccessControlId: access.id },
      {
        originId: 'api',
        domainName: $output(front.url).apply((url) => new URL(url).hostname),
        customOriginConfig: {
          httpPort: 80,
          httpsPort: 443,
          originProtocolPolicy: 'https-only',
          originSslProtocols: ['TLSv1.2'],
        },
      },
    ],
    defaultCacheBehavior: {
      ...https,
      targetOriginId: 'site',
      allowedMethods: ['GET', 'HEAD'],
      cachedMethods: ['GET', 'HEAD'],
      cachePolicyId: CACHING_OPTIMIZED,
      responseHeadersPolicyId: headers().id,
    },
    orderedCacheBehaviors: [
      {
        ...https,
        pathPattern: '/api/*',
        targetOriginId: 'api',
        allowedMethods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'],
        cachedMethods: ['GET', 'HEAD'],
        cachePolicyId: CACHING_DISABLED,
        originRequestPolicyId: ALL_VIEWER_EXCEPT_HOST,
      },
    ],
    restrictions: { geoRestriction: { restrictionType: 'none' } },
    viewerCertificate: { cloudfrontDefaultCertificate: true },
  })
}

/** The header fields of the page's files. Documents of messages come from the API and have their own. */
function headers() {
  return new aws.cloudfront.ResponseHeadersPolicy('ConsoleHeaders', {
    securityHeadersConfig: {
      contentSecurityPolicy: { contentSecurityPolicy: POLICY, override: true },
      contentTypeOptions: { override: true },
      referrerPolicy: { referrerPolicy: 'no-referrer', override: true },
      strictTransportSecurity: { accessControlMaxAgeSec: YEAR_SECONDS, override: true },
    },
    customHeadersConfig: {
      items: [{ header: 'Cross-Origin-Opener-Policy', value: 'same-origin', override: true }],
    },
  })
}

/** @throws {Error} if the console was not built */
function builtFiles(): readonly string[] {
  const folder = join($cli.paths.root, BUILT)
  try {
    const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    return entries.map((path) => path.replaceAll('\\', '/')).filter((path) => extname(path) in TYPES)
  } catch (cause) {
    throw new Error(`console: ${BUILT} is missing; build it with npm run prepare`, { cause })
  }
}

function upload(bucket: aws.s3.Bucket, path: string): void {
  // The build puts a hash of the content into the names below assets/.
  const isHashed = path.startsWith('assets/')
  new aws.s3.BucketObjectv2(`Console-${path.replaceAll(/[^\w.-]/g, '-')}`, {
    bucket: bucket.bucket,
    key: path,
    source: new $util.asset.FileAsset(join($cli.paths.root, BUILT, path)),
    contentType: TYPES[extname(path)] ?? 'application/octet-stream',
    cacheControl: isHashed ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache',
  })
}
