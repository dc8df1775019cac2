//! Names of accounts, by LookupAccountSidW.

use std::ptr::null;

use windows_sys::Win32::Security::LookupAccountSidW;

use super::sid;

/// Longest name of an account and of a domain, with the NUL (UNLEN and DNLEN of lmcons.h are shorter).
const LONGEST: usize = 512;

/// The name of the account, without its domain; `None` for one that is nobody's any more.
#[allow(unsafe_code)]
pub fn name(sid: &str) -> Option<String> {
    let sid = sid::encode(sid)?;
    let mut name = [0_u16; LONGEST];
    let mut domain = [0_u16; LONGEST];
    let mut name_length = u32::try_from(LONGEST).ok()?;
    let mut domain_length = name_length;
    let mut kind = 0;
    // SAFETY: the identifier is a whole structure SID, which is only read; both buffers have room for
    // as many characters as their lengths say, and all of these live until the call returns.
    let found = unsafe {
        LookupAccountSidW(
            null(),
            sid.as_ptr().cast_mut().cast(),
            name.as_mut_ptr(),
            &raw mut name_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    let name = name.get(..usize::try_from(name_length).ok()?)?;
    (found != 0 && !name.is_empty()).then(|| String::from_utf16_lossy(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_name_and_a_stranger_none() {
        // LocalSystem, in the language of the machine.
        assert!(name("S-1-5-18").is_some_and(|name| !name.is_empty()));
        assert_eq!(name("S-1-5-21-1-2-3-4"), None);
        assert_eq!(name("nobody"), None);
    }
}
