import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { offences } from './dependencies.ts'

describe('the import rule', () => {
  test('holds in this repository', () => {
    const patterns = [
      'packages/**/*.{ts,tsx}',
      'functions/**/*.ts',
      'stacks/**/*.ts',
      'test/**/*.ts',
      'sst.config.ts',
      'package.json',
      'packages/*/package.json',
    ]
    const paths = globSync(patterns, { exclude: (path) => /(^|\/)node_modules$/.test(path) })
    assert.ok(paths.length > 10 && existsSync('packages/core'), 'run from the root of the repository')
    const files = new Map(paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(path, 'utf8')]))
    const found = offences(files)
    assert.equal(found.length, 0, `\n${found.join('\n')}`)
  })

  const core = 'packages/core/src'
  const fixtures: readonly { name: string; files: Record<string, string>; expected: RegExp | undefined }[] = [
    {
      name: 'downwards',
      files: {
        'packages/core/src/sending/a.ts': "import '@kabutar/mail/x.ts'",
        'packages/core/package.json': '{"dependencies":{"@kabutar/mail":"1"}}',
      },
      expected: undefined,
    },
    {
      name: 'upwards',
      files: { 'packages/mail/src/a.ts': "\nimport '@kabutar/core/x.ts'" },
      expected: /^packages\/mail\/src\/a.ts:2: mail must not import core/,
    },
    {
      name: 'sideways',
      files: { 'packages/http/src/a.ts': "import '@kabutar/local/x.ts'" },
      expected: /:1: http must not import local/,
    },
    {
      name: 'a type',
      files: { 'packages/aws/src/a.ts': "import type { X } from '@kabutar/server/x.ts'" },
      expected: /:1: aws must not import server/,
    },
    {
      name: 'a re-exported type',
      files: { 'packages/aws/src/a.ts': "export type { X } from '@kabutar/server/x.ts'" },
      expected: /:1: aws must not import server/,
    },
    {
      name: 'import()',
      files: { 'packages/smtp/src/a.ts': "const f = async () => {\n  await import('@kabutar/imap/x.ts')\n}" },
      expected: /:2: smtp must not import imap/,
    },
    {
      name: 'import() in a type',
      files: { 'packages/smtp/src/a.ts': "type X =\n  import('@kabutar/imap/x.ts').X" },
      expected: /:2: smtp must not import imap/,
    },
    {
      name: 'import() of a variable',
      files: { 'packages/smtp/src/a.ts': 'const f = (x: string) => import(x)' },
      expected: /:1: import\(\) must name/,
    },
    {
      name: 'out of the package',
      files: { 'packages/core/src/errors.ts': "import '../../mail/src/x.ts'", 'packages/mail/src/x.ts': '' },
      expected: /:1: .* leaves the package/,
    },
    {
      name: 'a stack that imports core',
      files: { 'stacks/api.ts': "import '@kabutar/core/x.ts'" },
      expected: /:1: stacks must not import core/,
    },
    {
      name: 'a new package',
      files: { 'packages/new/src/a.ts': "import '@kabutar/core/x.ts'" },
      expected: /:1: new has no place/,
    },
    {
      name: 'layers downwards',
      files: {
        [`${core}/sending/a.ts`]: "import '../accounts/b.ts'",
        [`${core}/accounts/b.ts`]: "import '../errors.ts'",
        [`${core}/errors.ts`]: '',
      },
      expected: undefined,
    },
    {
      name: 'layers upwards',
      files: { [`${core}/accounts/a.ts`]: "import '../sending/b.ts'", [`${core}/sending/b.ts`]: '' },
      expected: /:1: core\/accounts must not import core\/sending/,
    },
    {
      name: 'layers sideways',
      files: { [`${core}/domains/a.ts`]: "import '../templates/b.ts'", [`${core}/templates/b.ts`]: '' },
      expected: /:1: core\/domains must not import core\/templates/,
    },
    {
      name: 'a port that knows an operation',
      files: { [`${core}/ports/a.ts`]: "import '../accounts/b.ts'", [`${core}/accounts/b.ts`]: '' },
      expected: /:1: core\/ports must not/,
    },
    {
      name: 'a new layer',
      files: { [`${core}/new/a.ts`]: "import '../errors.ts'", [`${core}/errors.ts`]: '' },
      expected: /:1: core\/new has no place/,
    },
    {
      name: 'a test that imports upwards',
      files: { [`${core}/sending/a.test.ts`]: "import '@kabutar/local/x.ts'" },
      expected: undefined,
    },
    {
      name: 'production that imports a test',
      files: { [`${core}/sending/a.ts`]: "import './b.contract.ts'", [`${core}/sending/b.contract.ts`]: '' },
      expected: /:1: imports .*, which is a test/,
    },
    {
      name: 'a missing file',
      files: { [`${core}/sending/a.ts`]: "import './b.ts'" },
      expected: /:1: there is no \.\/b\.ts/,
    },
    {
      name: 'a circle of types in tests',
      files: { 'test/a.ts': "import type {} from './b.ts'", 'test/b.ts': "\nimport './a.ts'" },
      expected: /^test\/b\.ts:2: a circle: test\/a\.ts -> test\/b\.ts -> test\/a\.ts/,
    },
    {
      name: 'an undeclared module',
      files: { 'packages/mail/src/a.ts': "import 'left-pad/x'" },
      expected: /:1: left-pad is not in the dependencies of mail/,
    },
    {
      name: 'a development module in production',
      files: { 'packages/mail/src/a.ts': "import 'x'", 'package.json': '{"devDependencies":{"x":"1"}}' },
      expected: /:1: x is not in the dependencies/,
    },
    {
      name: 'a development module in a test',
      files: { 'packages/mail/src/a.test.ts': "import 'x'", 'package.json': '{"devDependencies":{"x":"1"}}' },
      expected: undefined,
    },
    {
      name: 'an unused module',
      files: {
        'packages/mail/src/a.ts': "import 'node:fs'",
        'packages/mail/package.json': '{"dependencies":{"@a/b":"1"}}',
      },
      expected: /^packages\/mail\/package.json:1: @a\/b is declared and not imported/,
    },
    {
      name: 'an empty name',
      files: { 'packages/mail/src/mail-utils.ts': '' },
      expected: /:1: mail-utils.ts says nothing/,
    },
    {
      name: 'the environment',
      files: { 'packages/mail/src/a.ts': '// not process.env\nconst x = process.env.X' },
      expected: /^packages\/mail\/src\/a\.ts:2: reads the environment/,
    },
    {
      name: 'the environment in settings',
      files: { 'packages/server/src/settings.ts': 'const x = process.env' },
      expected: undefined,
    },
    {
      name: 'words in comments and texts',
      files: {
        'packages/mail/src/a.ts':
          "/** by import('@kabutar/core/x.ts') */\nexport const x = \"import '@kabutar/core/y.ts'\"",
      },
      expected: undefined,
    },
  ]
  for (const { name, files, expected } of fixtures) {
    test(`${expected ? 'refuses' : 'allows'} ${name}`, () => {
      const found = offences(new Map(Object.entries(files)))
      if (expected)
        assert.ok(
          found.some((offence) => expected.test(offence)),
          `found only ${JSON.stringify(found)}`,
        )
      else assert.deepEqual(found, [])
    })
  }
})
