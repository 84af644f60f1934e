/** What can be counted in a file of TypeScript: functions, and exports without documentation. */

import { createRequire } from 'node:module';

// The pages' own compiler, which `make setup` installs.
const ts = createRequire(new URL('../../shared/web/package.json', import.meta.url))('typescript');

/** The file as a syntax tree. */
export function parse(file, text) {
  const kind = file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, kind);
}

/** Functions with a body, inner ones too: name, first line and number of lines. */
export function functions(tree) {
  const found = [];
  const line = (at) => tree.getLineAndCharacterOfPosition(at).line + 1;
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body) {
      const first = line(node.getStart(tree));
      const name = node.name?.getText(tree) ?? node.parent?.name?.getText?.(tree) ?? '(nameless)';
      found.push({ name, line: first, lines: line(node.end) - first + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** Exported declarations without documentation. */
export function undocumented(tree) {
  const found = [];
  for (const node of tree.statements) {
    const isExported = ts.canHaveModifiers(node)
      && ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported || isDocumented(tree, node)) continue;
    const name = node.name?.getText(tree)
      ?? node.declarationList?.declarations.map((one) => one.name.getText(tree)).join(', ') ?? '(default)';
    found.push({ name, line: tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1 });
  }
  return found;
}

/** Whether documentation stands above a declaration. A comment that an empty line sets apart is the file's own. */
function isDocumented(tree, node) {
  const comment = ts.getJSDocCommentsAndTags(node).findLast(ts.isJSDoc);
  return comment !== undefined && !/\n\s*\n/.test(tree.text.slice(comment.end, node.getStart(tree)));
}
