export * from '#libs/platform/guarded-http.js';
