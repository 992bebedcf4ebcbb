/*
 * Compiled into better-sqlite3 before all else (09 PK11). These four got new versions with glibc 2.29, whose only
 * difference is that they no longer set errno the old way; the ones named here are in every glibc.
 */
#ifdef __aarch64__
#define FLOOR "GLIBC_2.17"
#else
#define FLOOR "GLIBC_2.2.5"
#endif
__asm__(".symver pow,pow@" FLOOR);
__asm__(".symver log,log@" FLOOR);
__asm__(".symver log2,log2@" FLOOR);
__asm__(".symver exp,exp@" FLOOR);
