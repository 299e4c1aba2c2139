/** Text for a terminal as a web page: colours and all, to be photographed by a browser. */

/** What `styleText` of Node.js writes, by the numbers of SGR sequences. */
const styles: Readonly<Record<number, string>> = {
  1: 'font-weight:700',
  2: 'opacity:.6',
  30: 'color:#16181d',
  31: 'color:#ff6b68',
  32: 'color:#5fd38d',
  33: 'color:#f5c451',
  34: 'color:#6ea8fe',
  35: 'color:#d291f0',
  36: 'color:#5ccfe6',
  37: 'color:#ffffff',
  90: 'color:#8b93a1',
  41: 'background:#d63b37',
  42: 'background:#46b877',
  43: 'background:#e3ae2f',
  100: 'background:#5b6270',
};

/** The numbers that end what the others began. */
const endsOf = (code: number): ((begun: number) => boolean) => {
  if (code === 22) return (begun) => begun === 1 || begun === 2;
  if (code === 39) return (begun) => (begun >= 30 && begun <= 37) || begun >= 90;
  if (code === 49) return (begun) => (begun >= 40 && begun <= 47) || begun >= 100;
  return () => true;
};

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function coloured(text: string): string {
  let active: number[] = [];
  return text
    .split(/(\u001b\[[\d;]*m)/)
    .map((part) => {
      const sequence = /^\u001b\[([\d;]*)m$/.exec(part);
      if (!sequence) {
        const style = active.map((code) => styles[code] ?? '').join(';');
        return part === '' ? '' : `<span style="${style}">${escapeHtml(part)}</span>`;
      }
      for (const code of (sequence[1] ?? '0').split(';').map(Number)) {
        if (code in styles) active.push(code);
        else active = active.filter((begun) => !endsOf(code)(begun));
      }
      return '';
    })
    .join('');
}

/** A page with one element `#terminal`; `command` is shown above as if typed. */
export const terminalPage = (command: string, output: string): string => `<!doctype html>
<meta charset="utf-8">
<style>
  body { margin: 0; background: #fff; }
  #terminal { display: inline-block; padding: 22px 26px; background: #1b1e25; color: #dfe3ea; border-radius: 10px;
    font: 14px/1.5 'DejaVu Sans Mono', Menlo, Consolas, monospace; white-space: pre; }
</style>
<div id="terminal"><span style="opacity:.6">$ </span>${escapeHtml(command)}
${coloured(output.trimEnd())}</div>`;
