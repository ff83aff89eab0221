/**
 * Sets secure and cheap defaults for every resource of this app. `$transform` acts only on resources that are created
 * after it, so this is called first.
 */
export function harden(): void {
  $transform(sst.aws.Function, (args) => {
    args.runtime ??= 'nodejs24.x'
    args.architecture ??= 'arm64'
    args.memory ??= '256 MB'
    args.logging ??= { retention: '1 month', format: 'json' }
    // SST 4.17.1 does not minify by default, though its documentation says so. `splitting` loads an import() on demand.
    args.nodejs ??= {
      minify: true,
      splitting: true,
      esbuild: { external: [...OTHER_CREDENTIALS, ...FOR_BROWSERS, ...NEVER_REQUIRED] },
    }
  })
  $transform(aws.lambda.Function, (args) => {
    // 1 KB of log for each message costs as much as a write to the table.
    args.loggingConfig = $output(args.loggingConfig).apply((config) => ({
      logFormat: 'JSON',
      ...config,
      applicationLogLevel: 'WARN',
      systemLogLevel: 'WARN',
    }))
  })
  $transform(aws.sqs.Queue, (args) => {
    if (args) args.sqsManagedSseEnabled = true
  })
  $transform(aws.iam.Role, (args) => {
    const managed = $output(args.managedPolicyArns).apply((arns) => arns ?? [])
    args.assumeRolePolicy = $output(args.assumeRolePolicy).apply(trustOnlyServices)
    args.managedPolicyArns = managed.apply((arns) => arns.filter((arn) => !isLogsPolicy(arn)))
    args.inlinePolicies = $resolve([$output(args.inlinePolicies), managed, logs()] as const).apply(
      ([inline, arns, policy]) => [...(inline ?? []), ...(arns.some(isLogsPolicy) ? [{ name: 'logs', policy }] : [])],
    )
  })
}

/**
 * Sources of credentials that are never used: Lambda passes its credentials in the environment, and the SDK imports the
 * other sources only after that one fails. Without them each bundle is 140 KB smaller.
 */
const OTHER_CREDENTIALS = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-login',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@aws-sdk/nested-clients/*',
  '@smithy/credential-provider-imds',
]

/**
 * The SDK parses a browser's user agent with it, in `createUserAgentStringParsingProvider`, which no client on Node calls;
 * @aws-sdk/core exports that function beside the ones that Node needs.
 */
const FOR_BROWSERS = ['bowser']

/**
 * undici requires them when it comes to that: its parser a second time for processors without SIMD, which no processor of
 * Lambda is, and FormData for bodies that are such. We post strings.
 */
const NEVER_REQUIRED = ['../llhttp/llhttp-wasm.js', '../web/fetch/body.js']

type TrustStatement = { Principal?: { AWS?: unknown; Service?: unknown } }

/**
 * Removes the account from the trust policy of a function's role. SST 4.17.1 lets the whole account assume every such
 * role: it tests `!dev` on an Output, which is never true.
 */
function trustOnlyServices(policy: unknown): string {
  const document: { Statement: TrustStatement[] } = typeof policy === 'string' ? JSON.parse(policy) : policy
  for (const { Principal } of document.Statement) if (Principal?.Service) delete Principal.AWS
  return JSON.stringify(document)
}

/** True for AWS's policy that lets a function write every log group of the account; `logs` replaces it. */
function isLogsPolicy(arn: string): boolean {
  return arn.endsWith(':policy/service-role/AWSLambdaBasicExecutionRole')
}

/** Lets a function write the log groups of this app and stage only. */
function logs() {
  const { accountId } = aws.getCallerIdentityOutput()
  const { region } = aws.getRegionOutput()
  return aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [
          $interpolate`arn:aws:logs:${region}:${accountId}:log-group:/aws/lambda/${$app.name}-${$app.stage}-*:*`,
        ],
      },
    ],
  }).json
}
