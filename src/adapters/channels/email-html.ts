/** The HTML of an email: nothing that is fetched, readable in dark mode and on a phone, every value escaped. */
import type { EmailContent } from './email-message.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => entities[char] ?? char);

/** Background of the stripe and the tag; white text on each has a contrast of at least 4.5. */
const colors: Readonly<Record<string, string>> = {
  CRITICAL: '#b42318',
  HIGH: '#b54708',
  MEDIUM: '#8a6100',
  LOW: '#1d5fa8',
  RESOLVED: '#1a7f37',
  OK: '#1a7f37',
  ACKNOWLEDGED: '#57606a',
};

const font = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/** Mail programs that know dark mode take these; the others keep the inline colours. */
const darkStyle = `
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.page{background:#0d1117!important}
.card{background:#161b22!important;border-color:#30363d!important}
.strong{color:#f0f3f6!important}
.body{color:#d1d7de!important}
.soft{color:#9198a1!important}
.line{border-color:#30363d!important}
.quote{background:#1c2128!important;color:#e6edf3!important}
.link{color:#79b8ff!important;border-color:#3d444d!important}
}
@media (max-width:480px){
.outer{padding:0!important}
.card{border-radius:0!important;border-left:0!important;border-right:0!important}
.inner{padding-left:16px!important;padding-right:16px!important}
.links a{display:block!important;margin:0 0 8px!important;text-align:center!important}
}`;

export function emailHtml(content: EmailContent): string {
  const { text } = content;
  const color = colors[text.tag] ?? '#57606a';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(text.title)}</title>
<style>${darkStyle}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f3f4f6;-webkit-text-size-adjust:100%">
<div style="display:none;max-height:0;overflow:hidden">${escapeHtml(text.happened[0] ?? text.title)}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f4f6">
<tr><td class="outer" align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;background:#ffffff;border:1px solid #d8dce1;border-radius:10px;border-collapse:separate;overflow:hidden;text-align:left">
<tr><td style="height:5px;line-height:5px;font-size:0;background:${color}">&nbsp;</td></tr>
<tr><td class="inner" style="padding:22px 28px 24px">
${headPart(content, color)}
${quotes(content)}
${parts(content)}
${linksPart(content)}
</td></tr>
<tr><td class="inner line" style="padding:12px 28px;border-top:1px solid #e5e7eb">
<p class="soft" style="margin:0;${font};font-size:12px;line-height:18px;color:#656d76">opsloop &middot; id ${escapeHtml(content.id)}</p>
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}

function headPart({ text, severity }: EmailContent, color: string): string {
  const facts = [text.environment, ...(text.tag === severity.toUpperCase() ? [] : [severity]), text.since];
  return `<p style="margin:0 0 10px;${font};font-size:12px;line-height:18px"><span style="display:inline-block;padding:2px 9px;border-radius:4px;background:${color};color:#ffffff;font-weight:600;letter-spacing:.4px">${escapeHtml(text.tag)}</span></p>
<h1 class="strong" style="margin:0 0 6px;${font};font-size:22px;line-height:29px;font-weight:650;color:#1f2328;overflow-wrap:anywhere">${escapeHtml(text.title)}</h1>
<p class="soft" style="margin:0 0 16px;${font};font-size:13px;line-height:20px;color:#656d76">${facts.map(escapeHtml).join(' &middot; ')}</p>`;
}

function quotes({ text }: EmailContent): string {
  const lines = [...text.happened, ...(text.moreHappened > 0 ? [`… and ${text.moreHappened} more`] : [])];
  const rows = lines.map((line) => `<div style="margin:0 0 4px">${escapeHtml(line)}</div>`).join('\n');
  return `<div class="quote" style="margin:0 0 20px;padding:12px 14px 8px;border-radius:6px;background:#f3f4f6;color:#1f2328;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px;line-height:20px;overflow-wrap:anywhere">
${rows}
</div>`;
}

function parts({ text, runbook }: EmailContent): string {
  const advice = [text.advice, ...(runbook === null ? [] : [`Runbook: ${runbook}`])];
  return [
    part('Affected', text.affected === '' ? [] : [text.affected]),
    part('What opsloop did', text.did),
    part('What to do', advice),
  ].join('');
}

function part(title: string, lines: string[]): string {
  if (lines.length === 0) return '';
  const rows = lines
    .map(
      (line) =>
        `<p class="body" style="margin:0 0 4px;${font};font-size:15px;line-height:22px;color:#333a42;overflow-wrap:anywhere">${escapeHtml(line)}</p>`,
    )
    .join('\n');
  return `<h2 class="soft" style="margin:0 0 3px;${font};font-size:13px;line-height:20px;font-weight:600;color:#656d76">${title}</h2>
${rows}
<div style="height:12px;line-height:12px;font-size:0">&nbsp;</div>
`;
}

function linksPart({ links }: EmailContent): string {
  if (links.length === 0) return '';
  const anchors = links
    .map(
      ({ label, url }) =>
        `<a class="link" href="${escapeHtml(url)}" style="display:inline-block;margin:0 8px 4px 0;padding:8px 14px;border:1px solid #c9ced6;border-radius:6px;${font};font-size:14px;line-height:20px;font-weight:600;color:#0b5cad;text-decoration:none">${label}</a>`,
    )
    .join('\n');
  return `<div class="links" style="padding-top:6px">
${anchors}
</div>`;
}
