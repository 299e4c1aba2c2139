// Who may ask the API.
import { describe, expect, it } from 'vitest';
import { isLocalHostHeader, isLoopback, isTokenValid } from '../../src/web/access.js';

describe('isTokenValid', () => {
  it.each([
    ['Bearer secret', true],
    ['bearer secret', true],
    ['Bearer  secret ', true],
    ['Bearer secre', false],
    ['Bearer secrets', false],
    ['Basic secret', false],
    ['secret', false],
    ['Bearer', false],
    ['', false],
    [undefined, false],
  ])('%s: %s', (header, expected) => {
    expect(isTokenValid(header, 'secret')).toBe(expected);
  });

  it('is never valid against an empty token', () => {
    expect(isTokenValid(undefined, '')).toBe(false);
    expect(isTokenValid('Bearer ', '')).toBe(false);
  });
});

describe('isLocalHostHeader', () => {
  it.each([
    ['localhost', true],
    ['LOCALHOST:7700', true],
    ['127.0.0.1:7700', true],
    ['127.1.2.3', true],
    ['[::1]:7700', true],
    ['evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['localhost.evil.example:7700', false],
    ['10.0.0.1', false],
    ['', false],
    [undefined, false],
  ])('%s: %s', (header, expected) => {
    expect(isLocalHostHeader(header)).toBe(expected);
  });
});

describe('isLoopback', () => {
  it('is true only for addresses of this machine alone', () => {
    expect(['localhost', '127.0.0.1', '::1'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '192.168.1.2', '127.0.0.1.example.org'].some(isLoopback)).toBe(false);
  });
});
