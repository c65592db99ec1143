#!/usr/bin/perl
# dh --with gopm, or a build dependency on dh-sequence-gopm.
use strict;
use warnings;
use Debian::Debhelper::Dh_Lib;

# After dh_installsystemd, which would restart the app after an upgrade, and after
# dh_fixperms, which would let everybody read the app's secrets.
insert_before('dh_installdeb', 'dh_gopm');

1;
