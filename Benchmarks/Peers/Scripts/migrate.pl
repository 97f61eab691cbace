#!/usr/bin/env perl
# The migration as a Perl script with rename would do it: migrate.pl CAPTURE
use strict;
use warnings;
use Time::HiRes qw(stat);

my $capture = shift;
my %files;
for my $folder ($capture, "$capture/captures") {
  opendir(my $stream, $folder) or die "$folder: $!";
  while (defined(my $name = readdir $stream)) {
    my $kind =
        $name =~ /^segment_.*\.ts$/          ? "segments"
      : $name =~ /^capture_.*\.json$/        ? "metadata"
      : $name =~ /^capture_.*_thumbnail\.jpg$/ ? "thumbnails"
      : $name =~ /^capture_.*\.jpg$/         ? "captures"
      :                                        next;
    push @{ $files{$kind} }, [ (stat "$folder/$name")[9], $name, "$folder/$name" ];
  }
}
for my $kind (qw(segments captures thumbnails metadata)) {
  mkdir "$capture/$kind";
  mkdir "$capture/$kind/$_" for 0 .. 23;
  my $hot = $kind eq "segments" ? 10 : 100;
  for my $file (sort { $b->[0] <=> $a->[0] || $b->[1] cmp $a->[1] } @{ $files{$kind} || [] }) {
    my ($mtime, $name, $path) = @$file;
    my $target = $hot-- > 0 ? "$capture/$kind/$name" : "$capture/$kind/" . (localtime $mtime)[2] . "/$name";
    next if $path eq $target;
    rename $path, $target or die "$path: $!";
  }
}
rename "$capture/output.m3u8", "$capture/segments/output.m3u8" if -e "$capture/output.m3u8";
